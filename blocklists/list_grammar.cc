#include "blocklists/list_grammar.h"

#include "blocklists/regex_set.h"

namespace rampart::blocklists {
namespace {

// What an octet may mean for the structure of a line; one pass over it finds out which questions need asking.
enum Mark : std::uint8_t { kBlankMark = 1, kCommentMark = 2, kNulMark = 4 };
constexpr std::array<std::uint8_t, 256> kMarks = [] {
  std::array<std::uint8_t, 256> marks{};
  for (const char c : kListBlanks) marks[static_cast<std::uint8_t>(c)] = kBlankMark;
  marks['#'] = kCommentMark;
  marks[';'] = kCommentMark;
  marks[0] = kNulMark;
  return marks;
}();

bool is_blank(char c) noexcept { return kMarks[static_cast<std::uint8_t>(c)] == kBlankMark; }

bool contains(std::string_view text, char c) noexcept { return text.find(c) != std::string_view::npos; }

bool starts_with_any(std::string_view text, std::initializer_list<std::string_view> prefixes) noexcept {
  for (const auto prefix : prefixes) {
    if (text.starts_with(prefix)) return true;
  }
  return false;
}

/// `##`, `#@#`, `#?#`, `#$#`, `#%#` and their combinations (`#@$?#`), at the start of `text`.
bool is_cosmetic_separator(std::string_view text) noexcept {
  std::size_t i = 1;
  while (i < text.size() && i <= 3 && std::string_view("@?$%").find(text[i]) != std::string_view::npos) ++i;
  return i < text.size() && text[i] == '#';
}

/// `192.0.2.1`, `fe80::1%lo0`: what a line of a hosts file starts with.
bool is_hosts_address(std::string_view text) {
  if (text == "0.0.0.0" || text == "127.0.0.1") return true;
  return base::IpAddress::parse(text.substr(0, text.find('%'))).has_value();
}

/// What may be an address: a final dot makes no name of one.
std::string_view without_final_dot(std::string_view text) noexcept {
  return text.ends_with('.') ? text.substr(0, text.size() - 1) : text;
}

bool ends_in_digit(std::string_view text) noexcept {
  return !text.empty() && text.back() >= '0' && text.back() <= '9';
}

/// The key of `key=value` or `key: value`; empty if the line is neither.
std::string_view configuration_key(std::string_view line) noexcept {
  std::size_t i = 0;
  const auto in_key = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  while (i < line.size() && in_key(line[i])) ++i;
  if (i == 0 || i == line.size()) return {};
  const bool is_key = line[i] == '=' || (line[i] == ':' && (i + 1 == line.size() || is_blank(line[i + 1]) || line[i + 1] == '"'));
  return is_key ? line.substr(0, i) : std::string_view();
}

}  // namespace

std::string_view describe(SkipCause cause) noexcept {
  switch (cause) {
    case SkipCause::kCosmetic:
      return "hides parts of pages, which DNS does not see";
    case SkipCause::kModifier:
      return "holds only under conditions which DNS does not see";
    case SkipCause::kDnsType:
      return "holds for query types that are not known";
    case SkipCause::kUrlPattern:
      return "matches page addresses or parts of names";
    case SkipCause::kConfiguration:
      return "configuration or zone text that is no rule";
    case SkipCause::kRewrite:
      return "answers with other data instead of blocking";
    case SkipCause::kRpzTrigger:
      return "an RPZ trigger or action that is not supported";
  }
  return "unknown";
}

std::string_view trim(std::string_view text) noexcept {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

std::string_view next_column(std::string_view& rest) noexcept {
  while (!rest.empty() && is_blank(rest.front())) rest.remove_prefix(1);
  std::size_t end = 0;
  while (end < rest.size() && !is_blank(rest[end])) ++end;
  const std::string_view column = rest.substr(0, end);
  rest.remove_prefix(end);
  return column;
}

bool is_null_address(std::string_view text) {
  const auto address = base::IpAddress::parse(text);
  return address && (address->is_unspecified() || address->is_loopback());
}

void ListGrammar::add(const Rule& rule) {
  ++rules_[static_cast<std::size_t>(rule.kind)];
  if (rule.action == Action::kAllow) ++exceptions_;
  if (rule.types != nullptr) ++typed_;
  sink_.add(rule);
}

bool ListGrammar::add_name(std::string_view text, Rule rule) {
  // What ends in a digit may be an IPv4 address or a range; the rest is only tried when it is no name.
  const std::string_view address = without_final_dot(text);
  if (ends_in_digit(address) && add_range(address, rule)) return true;
  const auto name = folder_.fold(text);
  if (!name) return !ends_in_digit(address) && contains(text, ':') && add_range(text, rule);
  if (ends_in_digit(*name) && add_range(*name, rule)) return true;  // in digits or dots of another script
  rule.name = *name;
  add(rule);
  return true;
}

bool ListGrammar::add_range(std::string_view text, Rule rule) {
  const auto range = base::IpRange::parse(text);
  if (!range) return false;
  rule.kind = RuleKind::kAddress;
  rule.range = *range;
  add(rule);
  return true;
}

LineOutcome ListGrammar::read(std::string_view line) {
  line = trim(line);
  if (line.empty()) return blank_line();
  switch (line.front()) {
    case '!':  // Adblock comment
    case ';':  // zone comment
      return blank_line();
    case '[':  // [Adblock Plus 2.0]
      if (line.back() == ']') return blank_line();
      break;
    case '#':
      return line.size() > 2 && is_cosmetic_separator(line) && line[2] != '#' && !is_blank(line[2])
                 ? skipped(SkipCause::kCosmetic)
                 : blank_line();
    default:
      break;
  }
  std::uint8_t marks = 0;
  for (const char c : line) marks |= kMarks[static_cast<std::uint8_t>(c)];
  if ((marks & kNulMark) != 0) return failed("contains a NUL octet");

  // Where a comment begins depends on the form: anywhere in a hosts file, else only behind a blank.
  for (std::size_t i = 1; (marks & kCommentMark) != 0 && i < line.size(); ++i) {
    if (line[i] != '#' && line[i] != ';') continue;
    if (is_blank(line[i - 1])) {
      line = trim(line.substr(0, i));
    } else if (line[i] == '#') {
      std::string_view rest = line.substr(0, i);
      if (is_hosts_address(next_column(rest))) {
        line = trim(line.substr(0, i));
      } else if (line.front() != '/' && is_cosmetic_separator(line.substr(i))) {
        return skipped(SkipCause::kCosmetic);
      } else {
        continue;
      }
    } else {
      continue;
    }
    break;
  }

  if (in_parentheses_) {
    in_parentheses_ = !contains(line, ')');
    return skipped(SkipCause::kConfiguration);
  }
  if (line.front() == '$') return read_zone_directive(line);
  if (line.front() == '/' && line.size() > 1 && line.back() == '/') return read_regex(line, {});
  if (starts_with_any(line, {"||", "@@", "|", "/"})) return read_adblock(line);
  if (const auto key = configuration_key(line); !key.empty()) {
    const std::string_view value = trim(line.substr(key.size() + 1));
    return line[key.size()] == '=' ? read_dnsmasq(key, value) : read_unbound(key, value);
  }
  return read_columns(line);
}

LineOutcome ListGrammar::read_columns(std::string_view line) {
  std::string_view rest = line;
  const std::string_view first = next_column(rest);
  if (rest.empty()) return read_single(first);
  if (is_hosts_address(first)) return read_hosts(rest);
  if (is_zone_record(line)) return read_zone_record(line);
  if (first.starts_with("*.")) return read_single(first);  // further columns are remarks
  return failed("several columns, but the first is no address");
}

LineOutcome ListGrammar::read_hosts(std::string_view names) {
  LineOutcome outcome = rules_taken();
  for (auto name = next_column(names); !name.empty(); name = next_column(names)) {
    // A name that is an IPv4 address becomes an address rule, as it does in Blocky; ranges and IPv6 do not.
    const auto folded = folder_.fold(name);
    if (!folded) {
      outcome = failed("not a host name");
    } else if (!ends_in_digit(*folded) || !add_range(*folded, {})) {
      add({.kind = RuleKind::kExact, .name = *folded});
    }
  }
  return outcome;
}

LineOutcome ListGrammar::read_single(std::string_view text) {
  if (text.starts_with("*.") && text.find('*', 1) == std::string_view::npos) {
    const auto name = folder_.fold(text.substr(2));
    if (!name) return failed("not a name behind '*.'");
    add({.kind = RuleKind::kWildcard, .name = *name});
    return rules_taken();
  }
  if (add_name(text, {})) return rules_taken();
  if (starts_with_any(text, {"http://", "https://"})) return failed("a page address, not a name");
  if (text.starts_with('^') || text.find_first_of("\\[](){}+") != std::string_view::npos) {
    return failed("a regex must stand between slashes");
  }
  if (text.find_first_of("^|*$") != std::string_view::npos || text.starts_with("://")) return read_adblock(text);
  return failed("neither name, address, wildcard, regex nor rule");
}

LineOutcome ListGrammar::read_regex(std::string_view line, Rule rule) {
  rule.kind = RuleKind::kRegex;
  rule.regex = line.substr(1, line.size() - 2);
  if (rule.regex.empty()) return failed("an empty regex would match every name");
  if (rule.regex.find_first_of(kListBlanks) != std::string_view::npos) return failed("a regex cannot contain blanks");
  if (rules_[static_cast<std::size_t>(RuleKind::kRegex)] >= kRegexesMax) return failed("more than 20000 regexes in one list");
  std::string why;
  if (!is_valid_regex(rule.regex, why)) {
    error_ = "not a regex (" + why + ")";
    return failed(error_);
  }
  add(rule);
  return rules_taken();
}

}  // namespace rampart::blocklists
