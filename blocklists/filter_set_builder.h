// Merges the compiled sources of all groups into one FilterSet.
//
//   auto builder = FilterSetBuilder::create(key, {"ads", "kids"});
//   builder->add_source({.name = url, .group = *builder->group_index("ads"), .action = Action::kDeny}, compiled);
//   auto filter_set = builder->build();
//
// Add every configured source, also one that has no rules (yet): an empty denylist still makes its group one that
// has denylists, so that its clients are not taken for clients of an allowlist-only group.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/keyed_hash.h"
#include "base/result.h"
#include "blocklists/compiled_source.h"
#include "blocklists/filter_set.h"
#include "blocklists/rule.h"

namespace rampart::blocklists {

class FilterSetBuilder {
 public:
  using SourceId = std::uint16_t;
  static constexpr std::size_t kSourcesMax = 65535;   ///< RuleMatch::source has 16 bits
  /// One RE2::Set serves all groups; beyond this its automaton outgrows every sensible memory budget.
  static constexpr std::size_t kRegexesMax = 20000;

  /// Group names are sorted and made unique; more than kGroupsMax are an error. `key` is the process's key for
  /// names, the one the sources were compiled with.
  [[nodiscard]] static base::Result<FilterSetBuilder, std::string> create(const base::HashKey& key,
                                                                          std::vector<std::string> groups);
  FilterSetBuilder(FilterSetBuilder&&) noexcept;
  FilterSetBuilder& operator=(FilterSetBuilder&&) noexcept;
  ~FilterSetBuilder();

  /// Position of a group in FilterSet::groups(); nullopt for a name that was not given to create().
  [[nodiscard]] std::optional<std::uint8_t> group_index(std::string_view group) const noexcept;

  /// Ids count from 0 in the order of calls; where several sources carry a rule, the lowest id is reported.
  /// `info.entries` is filled in by build(). One compiled source may stand for several lists.
  [[nodiscard]] SourceId add_source(SourceInfo info, std::shared_ptr<const CompiledSource> source);
  /// A source whose rules follow one by one.
  [[nodiscard]] SourceId add_source(SourceInfo info);
  void add(SourceId source, const Rule& rule);

  /// Ends the builder. The error says which limit was exceeded (sources, regexes), which regex set did not
  /// compile, or which source the disk did not give back. Cost: two sequential passes over the hashes of all
  /// sources; memory: the index, and a buffer for each source on disk.
  [[nodiscard]] base::Result<std::shared_ptr<const FilterSet>, std::string> build();

 private:
  struct State;
  explicit FilterSetBuilder(std::unique_ptr<State> state) noexcept;
  std::unique_ptr<State> state_;
};

}  // namespace rampart::blocklists
