// What one line of a list means. The forms are told apart line by line, in the order of read(); each form has its
// functions in a file of its own (grammar_*.cc). docs/list-formats.md is the reference for users.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "blocklists/list_name.h"
#include "blocklists/rule.h"

namespace rampart::blocklists {

/// Why a well-formed line gave no rule. The sentences are in describe().
enum class SkipCause : std::uint8_t {
  kCosmetic,      ///< hides parts of a page (`##`, `#@#`, `#?#`)
  kModifier,      ///< an Adblock rule that only holds under conditions which DNS cannot see (`$script`)
  kDnsType,       ///< an Adblock rule for query types that are not known (`$dnstype=`)
  kUrlPattern,    ///< matches addresses of pages or parts of names (`||x^/path`, `|https://`, `ad*.x`)
  kConfiguration, ///< dnsmasq, unbound or zone text which is no rule (`server:`, `$TTL`, SOA, NS)
  kRewrite,       ///< answers with other data instead of blocking (`address=/x/192.0.2.1`)
  kRpzTrigger,    ///< an RPZ trigger other than the query name, or an action other than block and passthru
};
inline constexpr std::size_t kSkipCauseCount = 7;
[[nodiscard]] std::string_view describe(SkipCause cause) noexcept;

/// How a line ended.
struct LineOutcome {
  enum class Kind : std::uint8_t { kRules, kBlank, kSkipped, kError };
  Kind kind = Kind::kBlank;
  SkipCause cause{};
  std::string_view reason{};  ///< of an error: a literal, or text that lives until the next read()
  bool revives_rewrite = false;  ///< an earlier line, skipped as kRewrite, gave its rule with this one
};

/// Reads lines one by one; remembers only what a zone file carries from line to line, and which of unbound's
/// redirect zones have no data yet; counts its rules.
class ListGrammar {
 public:
  /// Each regex costs time and memory out of all proportion to a name.
  static constexpr std::size_t kRegexesMax = 20000;
  /// Different combinations of query types behind `$dnstype=`; each makes a list of its own within the filter.
  static constexpr std::size_t kTypesMax = 64;
  /// Redirect zones that wait for their data, which mostly follow at once; later ones stay skipped.
  static constexpr std::size_t kRedirectsMax = 100'000;

  /// `sink` is borrowed.
  explicit ListGrammar(RuleSink& sink) : sink_(sink) {}

  /// A line without its line end. Rules go to the sink.
  [[nodiscard]] LineOutcome read(std::string_view line);

  [[nodiscard]] const std::array<std::uint64_t, 4>& rules() const noexcept { return rules_; }
  [[nodiscard]] std::uint64_t exceptions() const noexcept { return exceptions_; }
  [[nodiscard]] std::uint64_t typed() const noexcept { return typed_; }

 private:
  LineOutcome read_columns(std::string_view line);
  LineOutcome read_hosts(std::string_view names);
  LineOutcome read_single(std::string_view text);
  LineOutcome read_regex(std::string_view line, Rule rule);

  // grammar_adblock.cc
  LineOutcome read_adblock(std::string_view line);
  LineOutcome read_modifiers(std::string_view list, Rule& rule);

  // grammar_config.cc
  LineOutcome read_dnsmasq(std::string_view key, std::string_view value);
  LineOutcome read_unbound(std::string_view key, std::string_view value);
  LineOutcome read_local_zone(std::string_view value);
  LineOutcome read_redirect_zone(std::string_view zone);
  LineOutcome read_local_data(std::string_view value);

  // grammar_zone.cc
  [[nodiscard]] bool is_zone_record(std::string_view line) const;
  LineOutcome read_zone_record(std::string_view line);
  LineOutcome read_zone_directive(std::string_view line);

  /// Emits a rule for a name in any spelling, or for the address it turns out to be; false if it is neither.
  bool add_name(std::string_view text, Rule rule);
  /// Emits a rule for an address or a range; false if it is neither.
  bool add_range(std::string_view text, Rule rule);
  void add(const Rule& rule);

  RuleSink& sink_;
  std::array<std::uint64_t, 4> rules_{};
  std::uint64_t exceptions_ = 0;
  std::uint64_t typed_ = 0;
  std::vector<QueryTypes> types_;  ///< that rules were for
  NameFolder folder_;
  std::string error_;
  std::string origin_;           ///< of the zone, folded; empty if there is none
  bool in_parentheses_ = false;  ///< inside a zone record that spans lines
  std::unordered_set<std::string> redirects_;  ///< zones, folded, whose data have not come
  std::string null_owner_;                     ///< folded, of the local-data line to "nowhere" that came last
};

// Small words of all grammars.

inline constexpr std::string_view kListBlanks = " \t\r\v\f";
[[nodiscard]] std::string_view trim(std::string_view text) noexcept;
/// Cuts the first column off `rest` and returns it; empty when nothing is left.
[[nodiscard]] std::string_view next_column(std::string_view& rest) noexcept;
/// An address that lists write for "nowhere": unspecified or loopback.
[[nodiscard]] bool is_null_address(std::string_view text);

[[nodiscard]] inline LineOutcome rules_taken() noexcept { return {LineOutcome::Kind::kRules}; }
[[nodiscard]] inline LineOutcome blank_line() noexcept { return {LineOutcome::Kind::kBlank}; }
[[nodiscard]] inline LineOutcome skipped(SkipCause cause) noexcept { return {LineOutcome::Kind::kSkipped, cause}; }
[[nodiscard]] inline LineOutcome failed(std::string_view reason) noexcept {
  return {LineOutcome::Kind::kError, SkipCause{}, reason};
}

}  // namespace rampart::blocklists
