// Conditional forwarding (`conditional`): domains that have upstreams of their own, and suffixes that upstreams are
// asked for in place of others. The longest domain counts, and holds for all names below it. A name of one label
// has no domain: it is looked for under the key `.` alone, and `.` holds for no other names, as in Blocky.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "resolver/name_index.h"
#include "resolver/rewriter.h"

namespace rampart::resolver {

struct PolicySnapshot;
struct QueryContext;

struct ConditionalOptions {
  std::vector<std::pair<dns::Name, std::uint16_t>> domains;  ///< and the group of UpstreamSet::groups that is asked
  std::optional<std::uint16_t> single_label_group;           ///< of the key `.`
  std::vector<std::pair<dns::Name, dns::Name>> rewrite;
  bool fallback_upstream = false;  ///< where a rewritten name has no answer, the original one is asked

  [[nodiscard]] bool empty() const noexcept { return domains.empty() && !single_label_group && rewrite.empty(); }
};

class Conditional {
 public:
  Conditional(const base::HashKey& key, const ConditionalOptions& options);

  /// Who is asked for `name`, which is already rewritten; nullopt: no domain holds it.
  [[nodiscard]] std::optional<std::uint16_t> group_of(const dns::FoldedName& name,
                                                      const blocklists::NameHashes& hashes) const noexcept;
  [[nodiscard]] const Rewriter& rewriter() const noexcept { return rewriter_; }
  [[nodiscard]] bool fallback_upstream() const noexcept { return fallback_upstream_; }

 private:
  NameIndex domains_;
  std::vector<std::uint16_t> groups_;  ///< by the domain's number
  std::optional<std::uint16_t> single_label_group_;
  Rewriter rewriter_;
  bool fallback_upstream_;
};

/// The name that upstreams are asked for: `context.name`, or what conditional.rewrite makes of it, written to
/// `room`.
[[nodiscard]] const dns::FoldedName& name_for_upstreams(const QueryContext& context, const PolicySnapshot& policy,
                                                        dns::FoldedName& room) noexcept;

}  // namespace rampart::resolver
