// Brings an answer into the one form in which it is kept, whoever gave it, an upstream or another instance: no OPT, TTLs
// within the policy's bounds, the question's name in full and lower case, and a stamp that says whether any rule of any
// group met one of its records. What makes an answer clean for everybody is decided here and nowhere else.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "dns/message_view.h"
#include "resolver/inspector.h"
#include "resolver/policy.h"

namespace rampart::resolver {

/// Lies in its keeper; good until the keeper's next answer.
struct KeptAnswer {
  base::MutableBytes wire;                     ///< its ID field is the stamp
  std::span<const std::uint16_t> ttl_offsets;  ///< in `wire`
  std::uint32_t ttl_seconds = 0;               ///< how long it may be cached; 0: not at all
  Inspection found;                            ///< for the asked groups
  bool was_inspected = false;
  bool is_rebinding = false;
};

/// One thread at a time.
class AnswerKeeper {
 public:
  AnswerKeeper();

  /// `groups` decide what `found` says, not the stamp. TTLs are lowered by `age_seconds` before they are clamped.
  /// nullopt: no answer to this question in a form that can be kept. No allocation, unless names are excluded from
  /// caching.
  [[nodiscard]] std::optional<KeptAnswer> keep(const dns::MessageView& answer, const dns::FoldedName& qname, dns::RrType qtype,
                                               blocklists::GroupMask groups, const PolicySnapshot& policy,
                                               std::uint32_t age_seconds = 0) noexcept;

 private:
  std::vector<std::uint8_t> wire_;
  std::vector<std::uint16_t> ttl_offsets_;
};

}  // namespace rampart::resolver
