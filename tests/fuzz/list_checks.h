// What every grammar of lists must keep, whatever its lines say; the targets list_*_fuzz.cc add what holds for
// theirs.
//
//   sound       a rule is what a filter can hold: a name that a query could ask, a regex that compiles, a range
//   stable      a rule that is written in its own grammar again is read as the same rule, and nothing else
//   harmless    a line that was skipped, or is a comment, gave no rule
//   decisive    a filter built of the rules decides each of their names as the strongest of them does
#pragma once

#include <algorithm>
#include <compare>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "blocklists/filter_set_builder.h"
#include "blocklists/list_parser.h"
#include "blocklists/regex_set.h"
#include "dns/name.h"
#include "dns/presentation.h"
#include "tests/fuzz/require.h"

namespace rampart::fuzz {

/// A rule that outlives the parser's call.
struct KeptRule {
  blocklists::RuleKind kind{};
  bool allows = false;
  bool important = false;
  std::string text;   ///< name, regex or range
  std::string types;  ///< behind `$dnstype=`
  friend bool operator==(const KeptRule&, const KeptRule&) = default;

  [[nodiscard]] bool is_name() const {
    return kind == blocklists::RuleKind::kExact || kind == blocklists::RuleKind::kWildcard;
  }
  [[nodiscard]] bool is_plain() const { return !allows && !important && types.empty(); }
};

class KeptRules final : public blocklists::RuleSink {
 public:
  void add(const blocklists::Rule& rule) override {
    using blocklists::RuleKind;
    require(rule.action != blocklists::Action::kDeny);
    KeptRule kept{rule.kind, rule.action == blocklists::Action::kAllow, rule.important, {}, {}};
    switch (rule.kind) {
      case RuleKind::kExact:
      case RuleKind::kWildcard:
        require(dns::Name::parse(rule.name).has_value() && rule.name.back() != '.');
        require(std::all_of(rule.name.begin(), rule.name.end(), [](char c) {
          return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
        }));
        kept.text = rule.name;
        break;
      case RuleKind::kRegex: {
        std::string error;
        require(!rule.regex.empty() && blocklists::is_valid_regex(rule.regex, error));
        kept.text = rule.regex;
        break;
      }
      case RuleKind::kAddress:
        require(rule.range.prefix <= (rule.range.base.is_v4() ? 32 : 128));
        require(rule.range.contains(rule.range.base));
        kept.text = rule.range.to_string();
        break;
    }
    if (rule.types != nullptr) {
      kept.types = rule.types->to_text();
      require(blocklists::QueryTypes::parse(kept.types) == *rule.types);
    }
    rules.push_back(std::move(kept));
  }
  std::vector<KeptRule> rules;
};

struct Reading {
  std::vector<KeptRule> rules;
  blocklists::ListStatistics statistics;
  [[nodiscard]] bool is_clean() const { return statistics.error_count == 0 && statistics.skipped_count() == 0; }
};

inline Reading read(std::string_view text) {
  KeptRules sink;
  Reading reading;
  reading.statistics = blocklists::parse_list(text, {.max_errors = -1}, sink);
  reading.rules = std::move(sink.rules);
  require(reading.statistics.rule_count() == reading.rules.size());
  return reading;
}

inline std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    lines.push_back(text.substr(0, text.find('\n')));
    text.remove_prefix(std::min(text.size(), lines.back().size() + 1));
  }
  return lines;
}

/// The rule in the grammar at hand; empty where the grammar has no words for it.
using Render = std::string (*)(const KeptRule&);

inline void require_stable(const Reading& reading, Render render) {
  for (const KeptRule& rule : reading.rules) {
    const std::string line = render(rule);
    if (line.empty()) continue;
    const Reading again = read(line + "\n");
    require(again.is_clean() && again.rules == std::vector{rule});
  }
}

/// Of a line by itself.
inline void require_harmless(const Reading& line) {
  if (line.statistics.skipped_count() != 0 || line.statistics.blank_lines != 0) require(line.rules.empty());
}

/// Names only: what regexes and addresses decide is compared elsewhere.
inline void require_decisive(const std::vector<KeptRule>& rules) {
  using blocklists::Action;
  constexpr std::size_t kRulesMax = 16;
  std::vector<KeptRule> names;
  for (const KeptRule& rule : rules)
    if (rule.is_name() && names.size() < kRulesMax) names.push_back(rule);
  if (names.empty()) return;
  auto builder = blocklists::FilterSetBuilder::create(base::HashKey{}, {"g"}).value();
  const auto source = builder.add_source({.group = 0, .action = Action::kDeny});
  for (const KeptRule& rule : names) {
    const auto types = blocklists::QueryTypes::parse(rule.types);
    builder.add(source, {.action = rule.allows ? Action::kAllow : Action::kNone, .kind = rule.kind,
                         .important = rule.important, .name = rule.text, .types = types ? &*types : nullptr});
  }
  const auto filter = builder.build().value();
  for (const KeptRule& asked : names) {
    for (const auto type : {dns::RrType::kA, dns::RrType::kHttps}) {
      int best = -1;
      for (const KeptRule& rule : names) {
        const bool is_wildcard = rule.kind == blocklists::RuleKind::kWildcard;
        if (asked.text != rule.text && !(is_wildcard && asked.text.ends_with("." + rule.text))) continue;
        const auto types = blocklists::QueryTypes::parse(rule.types);
        if (types && !types->contains(type)) continue;
        best = std::max(best, (rule.important ? 2 : 0) + (rule.allows ? 1 : 0));
      }
      dns::FoldedName name;
      name.assign(dns::Name::parse(asked.text)->view());
      const Action expected = best < 0 ? Action::kNone : best % 2 == 1 ? Action::kAllow : Action::kDeny;
      require(filter->match(name, 1, type).action == expected);
    }
  }
}

/// All of it, for a text whose lines do not depend on one another.
inline Reading check_lines(std::string_view text, Render render) {
  const Reading whole = read(text);
  std::vector<KeptRule> one_by_one;
  for (const std::string_view line : lines_of(text)) {
    const Reading alone = read(line);
    require_harmless(alone);
    one_by_one.insert(one_by_one.end(), alone.rules.begin(), alone.rules.end());
  }
  require(one_by_one == whole.rules);
  require_stable(whole, render);
  require_decisive(whole.rules);
  return whole;
}

/// Each line with `before` and `behind` it: lines that stay in one grammar whatever is in them.
inline std::string framed(std::string_view text, std::string_view before, std::string_view behind = {}) {
  std::string out;
  for (const std::string_view line : lines_of(text)) out.append(before).append(line).append(behind).append("\n");
  return out;
}

}  // namespace rampart::fuzz
