// How a FilterSet is put together without holding more than the index itself, where the sources are on disk:
//
//   1 count   merge the sorted hashes of all sources once: how many names, and how many share each rule set
//   2 fill    merge them again, straight into a table of the right size, in the order of its buckets
//
// The rule sets with the most names get the ids that fit into an entry of the table. Addresses and regexes follow.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "blocklists/compiled_source.h"
#include "blocklists/filter_set_parts.h"
#include "blocklists/hash_merge.h"

namespace rampart::blocklists {

/// One compiled source with all the configured sources it stands for: a download may serve several groups.
struct SourceGroup {
  std::shared_ptr<const CompiledSource> compiled;
  std::vector<std::uint16_t> sources;  ///< positions in FilterSetParts::sources
};

/// Fills the parts; each add_ function once, add_names() first.
class FilterSetAssembly {
 public:
  /// Overlapping lists of many groups make many combinations; beyond this the configuration, not the table, is
  /// out of proportion.
  static constexpr std::size_t kRuleSetsMax = 1 << 18;

  /// Both are borrowed; `parts.sources` is complete.
  FilterSetAssembly(FilterSetParts& parts, const std::vector<SourceGroup>& inputs);

  [[nodiscard]] base::Status add_names();
  void add_addresses();
  [[nodiscard]] base::Status add_regexes(std::size_t regexes_max);

  /// The names of one class of rules of one source, and the claims that each of them makes.
  struct Stream {
    HashSequence hashes;
    std::vector<Claim> claims;
    const SourceGroup* input;
    bool one_label;
  };

 private:
  template <class Take>
  [[nodiscard]] base::Status for_each_name(bool one_label, Take take) const;
  [[nodiscard]] base::Status count_names();
  [[nodiscard]] base::Status fill(NameTable& table, bool one_label, std::size_t names);
  [[nodiscard]] std::vector<Claim> claims(const SourceGroup& input, RuleClass rule_class) const;
  void count_rule(std::uint8_t group, Action action, std::uint64_t count);
  void count_rules(RuleSets::Id id, std::uint64_t count);

  FilterSetParts& parts_;
  const std::vector<SourceGroup>& inputs_;
  std::vector<Stream> streams_;
  std::array<std::size_t, 2> name_counts_{};  ///< [one_label]
  bool has_too_many_types_ = false;
};

}  // namespace rampart::blocklists
