// What each configured list brings: its entries by kind, what was skipped and why, and how much of it no other list
// has. Lists are compared by 64-bit hashes of their entries: two lists of a million names disagree with the truth
// by one entry once in ten million runs.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "blocklists/list_scan.h"
#include "control/list_texts.h"

namespace rampart::control {

struct SourceStatistics {
  ListEntry entry;
  std::string place;            ///< `blocking.denylists.ads[0]`
  TextState state;
  std::string error;            ///< not empty: nothing of it is in force, and the rest is zero
  blocklists::ListScan scan;
  std::uint64_t different = 0;  ///< entries after duplicates; `x` and `*.x` are the same name
  std::uint64_t unique = 0;     ///< of these, on no other list
  /// Other lists (index among the results) that share entries, most shared first. The same text in another
  /// group is the same list, not another one.
  std::vector<std::pair<std::size_t, std::uint64_t>> shared;
};

/// One for each entry, in their order.
[[nodiscard]] std::vector<SourceStatistics> list_statistics(const std::vector<ListEntry>& entries,
                                                            const ListTexts& texts,
                                                            Progress& progress);

[[nodiscard]] std::string statistics_text(const std::vector<SourceStatistics>& all);
[[nodiscard]] std::string statistics_json(const std::vector<SourceStatistics>& all);

}  // namespace rampart::control
