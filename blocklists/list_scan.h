// Reads a list for people: which rule stands on which line, and what a line says. A FilterSet keeps neither names
// nor lines, so whoever wants to show the place of a rule reads the text again, far from the query path.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "blocklists/list_parser.h"
#include "blocklists/list_source.h"

namespace rampart::blocklists {

/// Lets a reader of read_text() be anything: a file, a copy of a download, inline text.
using ReadText = std::function<base::Result<std::uint64_t, std::string>(const TakeText&)>;

struct ListScan {
  ListStatistics statistics;
  std::uint64_t bytes = 0;      ///< of text, after decompression
  bool is_over_budget = false;  ///< more errors than the budget allows: a server refuses such a list
};

/// Every rule with its line (counted from 1), in the order of the text. The error budget ends the scan, as it does
/// for a server. Memory: one line and what `on_rule` keeps.
[[nodiscard]] base::Result<ListScan, std::string> scan_list(
    const ReadText& read, const ListParserOptions& options,
    const std::function<void(const Rule& rule, std::uint64_t line)>& on_rule);

/// The text of one line (counted from 1) without its end, printable, at most kShownLineMax octets; empty if there
/// is no such line.
inline constexpr std::size_t kShownLineMax = 200;
[[nodiscard]] base::Result<std::string, std::string> line_text(const ReadText& read, std::uint64_t line);

}  // namespace rampart::blocklists
