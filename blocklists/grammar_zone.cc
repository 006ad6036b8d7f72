// Response policy zones as text: `x CNAME .` blocks x, `*.x CNAME .` what lies below it, and `rpz-passthru.` as
// target makes an exception. The owner is the name to block, relative to the zone's origin; records are read one by
// one, and of the zone's own only the origin matters ($ORIGIN, or the owner of the SOA record).
//
// `*.x` covers x itself too, as everywhere else in lists: zones that mean only one of both are rare, and list both
// otherwise.
#include <algorithm>
#include <array>

#include "blocklists/list_grammar.h"

namespace rampart::blocklists {
namespace {

bool equals_ignoring_case(std::string_view a, std::string_view upper) noexcept {
  return a.size() == upper.size() && std::equal(a.begin(), a.end(), upper.begin(), [](char x, char y) {
           return (x >= 'a' && x <= 'z' ? static_cast<char>(x - 'a' + 'A') : x) == y;
         });
}

bool is_type(std::string_view word) noexcept {
  constexpr std::array<std::string_view, 18> kTypes{"CNAME", "A",     "AAAA", "SOA",  "NS",     "TXT",    "MX",  "SRV",   "PTR",
                                                    "DNAME", "HTTPS", "SVCB", "CAA",  "RRSIG",  "NSEC",   "NSEC3",
                                                    "DNSKEY", "DS"};
  return std::any_of(kTypes.begin(), kTypes.end(), [&](auto type) { return equals_ignoring_case(word, type); });
}

bool is_ttl_or_class(std::string_view word) noexcept {
  if (equals_ignoring_case(word, "IN")) return true;
  return !word.empty() && word.front() >= '0' && word.front() <= '9' &&
         word.find_first_not_of("0123456789smhdwSMHDW") == std::string_view::npos;
}

struct Record {
  std::string_view owner;  ///< empty: that of the record before
  std::string_view type;   ///< empty: not a record
  std::string_view data;
};

Record split(std::string_view line) noexcept {
  Record record;
  std::string_view rest = line;
  std::string_view word = next_column(rest);
  if (!is_type(word) && !is_ttl_or_class(word)) {
    record.owner = word;
    word = next_column(rest);
  }
  for (int i = 0; i < 2 && is_ttl_or_class(word); ++i) word = next_column(rest);
  if (is_type(word)) {
    record.type = word;
    record.data = trim(rest);
  }
  return record;
}

bool ends_with_label(std::string_view name, std::string_view label) noexcept {
  return name == label || (name.size() > label.size() && name.ends_with(label) && name[name.size() - label.size() - 1] == '.');
}

}  // namespace

bool ListGrammar::is_zone_record(std::string_view line) const {
  const Record record = split(line);
  return !record.type.empty() && !record.data.empty();
}

LineOutcome ListGrammar::read_zone_directive(std::string_view line) {
  if (equals_ignoring_case(next_column(line), "$ORIGIN")) {
    const auto origin = folder_.fold(next_column(line));
    origin_ = origin ? *origin : std::string_view();
  }
  return skipped(SkipCause::kConfiguration);
}

LineOutcome ListGrammar::read_zone_record(std::string_view line) {
  const auto [owner_text, type, data] = split(line);
  if (data.find('(') != std::string_view::npos) in_parentheses_ = data.find(')') == std::string_view::npos;

  if (equals_ignoring_case(type, "SOA")) {
    if (owner_text.ends_with('.') && origin_.empty()) {
      if (const auto origin = folder_.fold(owner_text)) origin_ = *origin;
    }
    return skipped(SkipCause::kConfiguration);
  }
  const bool is_address = equals_ignoring_case(type, "A") || equals_ignoring_case(type, "AAAA");
  if (owner_text == "@" || !(is_address || equals_ignoring_case(type, "CNAME"))) return skipped(SkipCause::kConfiguration);
  if (owner_text.empty()) return skipped(SkipCause::kRpzTrigger);

  Rule rule{.kind = RuleKind::kExact};
  std::string_view owner = owner_text;
  if (owner.starts_with("*.")) {
    rule.kind = RuleKind::kWildcard;
    owner.remove_prefix(2);
  }
  const bool is_absolute = owner.ends_with('.');
  const auto folded = folder_.fold(owner);
  if (!folded) return failed("not a name before the record type");
  std::string_view name = *folded;
  if (is_absolute && !origin_.empty() && ends_with_label(name, origin_)) {
    if (name.size() == origin_.size()) return skipped(SkipCause::kConfiguration);
    name.remove_suffix(origin_.size() + 1);
  }
  for (const std::string_view trigger : {"rpz-ip", "rpz-client-ip", "rpz-nsip", "rpz-nsdname"}) {
    if (ends_with_label(name, trigger)) return skipped(SkipCause::kRpzTrigger);
  }

  if (is_address) {
    if (!is_null_address(data)) return skipped(SkipCause::kRewrite);
  } else {
    std::string_view target = data;
    target = next_column(target);
    if (target != ".") {
      const std::string_view relative = target.ends_with('.') ? target.substr(0, target.size() - 1) : target;
      if (equals_ignoring_case(relative, "RPZ-PASSTHRU")) {
        rule.action = Action::kAllow;
      } else if (equals_ignoring_case(relative, "RPZ-TCP-ONLY")) {
        return skipped(SkipCause::kRpzTrigger);
      } else if (relative != "*" && !equals_ignoring_case(relative, "RPZ-DROP")) {
        return skipped(SkipCause::kRewrite);
      }
    }
  }
  rule.name = name;
  add(rule);
  return rules_taken();
}

}  // namespace rampart::blocklists
