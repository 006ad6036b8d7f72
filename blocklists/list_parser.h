// Reads the text of one list, in whatever pieces it arrives, and hands its rules to a sink. Each line is
// recognised by itself, so one list may mix forms (docs/list-formats.md says what each form means): hosts files,
// plain names, `*.name`, `/regex/`, Adblock rules, dnsmasq and unbound configuration, RPZ zones, addresses and
// address ranges.
//
// A line ends in exactly one of: rules, blank or comment, skipped for a stated cause (it is well formed, but
// means nothing to a DNS filter, or nothing that we support), or an error. Errors count against a budget; a list
// that exceeds it is no list of names (an HTML page, a truncated archive) and is reported as failed.
#pragma once

#include <array>
#include <cstdint>
#include <numeric>
#include <string>
#include <string_view>
#include <vector>

#include "blocklists/list_grammar.h"
#include "blocklists/rule.h"

namespace rampart::blocklists {

struct ListParserOptions {
  /// Errors that are tolerated; one more fails the source. -1: any number.
  std::int64_t max_errors = 5;
  /// Errors kept with line and text; later ones are only counted.
  std::size_t kept_errors = 10;
};

struct ParseError {
  std::uint64_t line = 0;  ///< counted from 1
  std::string text;        ///< what is wrong, and the (shortened, printable) line
};

struct ListStatistics {
  std::uint64_t lines = 0;
  std::uint64_t blank_lines = 0;  ///< empty ones and comments
  std::array<std::uint64_t, 4> rules{};  ///< indexed by RuleKind, duplicates included
  std::uint64_t exceptions = 0;          ///< how many of the rules allow by themselves
  std::uint64_t typed = 0;               ///< how many of the rules hold for some query types only
  std::array<std::uint64_t, kSkipCauseCount> skipped{};  ///< lines, indexed by SkipCause
  std::uint64_t error_count = 0;
  std::vector<ParseError> errors;  ///< the first of them
  [[nodiscard]] std::uint64_t rule_count() const noexcept { return rules[0] + rules[1] + rules[2] + rules[3]; }
  [[nodiscard]] std::uint64_t skipped_count() const noexcept {
    return std::accumulate(skipped.begin(), skipped.end(), std::uint64_t{0});
  }
};

/// Not thread-safe; one for each source and load. Memory: one line.
class ListParser {
 public:
  /// A longer line is one error, and is skipped to its end.
  static constexpr std::size_t kLineBytesMax = 64 * 1024;

  /// `sink` is borrowed.
  ListParser(const ListParserOptions& options, RuleSink& sink);

  /// Takes the next piece of the text, cut anywhere. False: the error budget is exceeded and the rest need not
  /// be read; further calls do nothing.
  bool feed(std::string_view chunk);
  /// Ends the text (its last line needs no line end). False: the error budget was exceeded.
  bool finish();

  [[nodiscard]] bool is_over_budget() const noexcept { return over_budget_; }
  [[nodiscard]] const ListStatistics& statistics() const noexcept { return statistics_; }

 private:
  void take_line(std::string_view line);
  void fail(std::string_view reason, std::string_view line);

  const ListParserOptions options_;
  ListStatistics statistics_;
  ListGrammar grammar_;
  std::string partial_;        ///< the beginning of a line whose end has not arrived
  bool in_long_line_ = false;  ///< dropping octets up to the next line end
  bool over_budget_ = false;
};

/// The beginning of a line for people, without octets that could disturb a terminal or a log.
[[nodiscard]] std::string shown(std::string_view line, std::size_t length_max = 80);

/// All of a text at once.
[[nodiscard]] ListStatistics parse_list(std::string_view text, const ListParserOptions& options, RuleSink& sink);

}  // namespace rampart::blocklists
