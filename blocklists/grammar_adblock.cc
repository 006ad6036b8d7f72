// Adblock rules as far as they name hosts: `||x^` (x and its subdomains), `|x^` and `x^` (x alone), `@@` before
// them (an exception), `$important` and `$dnstype` behind them. Anything that looks at more than the name is
// skipped, never turned into a block: a rule for advertising scripts of a site must not block the site.
#include <algorithm>
#include <optional>

#include "blocklists/list_grammar.h"

namespace rampart::blocklists {
namespace {

bool contains_any(std::string_view text, std::string_view octets) noexcept {
  return text.find_first_of(octets) != std::string_view::npos;
}

constexpr std::string_view kDnsType = "dnstype=";

}  // namespace

// Reads `a,b=c` behind a `$`. A rule with a modifier that is not understood is not the rule without it.
LineOutcome ListGrammar::read_modifiers(std::string_view list, Rule& rule) {
  std::optional<std::string_view> types;
  while (!list.empty()) {
    const std::string_view modifier = list.substr(0, list.find(','));
    list.remove_prefix(std::min(list.size(), modifier.size() + 1));
    if (modifier == "important") {
      rule.important = true;
    } else if (modifier.starts_with(kDnsType)) {
      types = modifier.substr(kDnsType.size());
    } else {
      return skipped(SkipCause::kModifier);
    }
  }
  if (!types) return rules_taken();
  const auto parsed = QueryTypes::parse(*types);
  if (!parsed) return skipped(SkipCause::kDnsType);
  auto known = std::find(types_.begin(), types_.end(), *parsed);
  if (known == types_.end()) {
    if (types_.size() == kTypesMax) return failed("more than 64 different $dnstype in one list");
    known = types_.insert(types_.end(), *parsed);
  }
  rule.types = &*known;
  return rules_taken();
}

LineOutcome ListGrammar::read_adblock(std::string_view line) {
  Rule rule;
  if (line.starts_with("@@")) {
    rule.action = Action::kAllow;
    line.remove_prefix(2);
  }

  // Modifiers stand behind the last `$`; within a regex a `$` is the end of the name, and slashes close it.
  const bool is_regex = line.starts_with('/');
  const std::size_t modifiers = is_regex ? line.rfind("/$") : line.find('$');
  if (modifiers != std::string_view::npos && !(is_regex && modifiers == 0)) {
    const std::size_t dollar = is_regex ? modifiers + 1 : modifiers;
    const LineOutcome outcome = read_modifiers(line.substr(dollar + 1), rule);
    if (outcome.kind != LineOutcome::Kind::kRules) return outcome;
    line = line.substr(0, dollar);
  }
  if (is_regex) {
    return line.size() > 1 && line.back() == '/' ? read_regex(line, rule) : skipped(SkipCause::kUrlPattern);
  }

  rule.kind = RuleKind::kExact;
  const bool is_anchored = line.starts_with('|');
  if (line.starts_with("||")) {
    rule.kind = RuleKind::kWildcard;
    line.remove_prefix(2);
  } else if (is_anchored) {
    line.remove_prefix(1);
  }
  if (line.ends_with('|')) line.remove_suffix(1);
  const bool is_closed = line.ends_with('^');
  if (is_closed) line.remove_suffix(1);
  if (line.starts_with("*.")) {
    rule.kind = RuleKind::kWildcard;
    line.remove_prefix(2);
  }

  if (line.empty()) return failed("an Adblock rule without a name");
  if (contains_any(line, kListBlanks)) return failed("a rule cannot contain blanks");
  // Without `^` behind (`||ads`, `||ads.`) or `|` before it (`-ads^`), a rule also matches parts of names; those
  // are taken for a name only if they look like a whole one.
  const bool is_whole = line.find('.') != std::string_view::npos && line.front() != '-' && line.front() != '.' && line.back() != '.';
  const bool is_name = is_whole || (is_anchored && is_closed);
  if (is_name && add_name(line, rule)) return rules_taken();
  if (!is_name || contains_any(line, "/*^|:?=&%,~")) return skipped(SkipCause::kUrlPattern);
  return failed("not a name in an Adblock rule");
}

}  // namespace rampart::blocklists
