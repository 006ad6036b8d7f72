// Adblock rules: whole lines, and the same with `||` before them.
#include "tests/fuzz/list_checks.h"

using namespace rampart;
using blocklists::RuleKind;
using fuzz::require;

namespace {

std::string render(const fuzz::KeptRule& rule) {
  std::string line = rule.allows ? "@@" : "";
  switch (rule.kind) {
    case RuleKind::kExact: line += "|" + rule.text + "^"; break;
    case RuleKind::kWildcard:
    case RuleKind::kAddress: line += "||" + rule.text + "^"; break;
    case RuleKind::kRegex: line += "/" + rule.text + "/"; break;
  }
  // A `$` with nothing behind it: else what looks like modifiers within a regex would be taken for them.
  line += "$";
  if (rule.important) line += "important,";
  if (!rule.types.empty()) line += "dnstype=" + rule.types;
  return line;
}

/// A rule that starts with `||` and ends in its modifiers, if it has any: the lines that can be varied.
void vary(std::string_view line) {
  const auto rules = fuzz::read(line).rules;
  if (rules.empty()) return;
  std::string text(line);
  // An exception of it is the same rule, the other way round.
  auto allowing = rules;
  for (auto& rule : allowing) rule.allows = true;
  require(fuzz::read("@@" + text).rules == allowing);
  const bool has_modifiers = text.find('$') != std::string::npos;
  const char* const join = !has_modifiers ? "$" : text.ends_with('$') || text.ends_with(',') ? "" : ",";
  // What is not understood makes no rule; what is changes its strength or its types alone.
  for (const char* modifier : {"third-party", "client=192.0.2.1", "dnstype=NEW", "dnsrewrite=192.0.2.1", "no"})
    require(fuzz::read(text + join + modifier).rules.empty());
  auto strong = rules;
  for (auto& rule : strong) rule.important = true;
  require(fuzz::read(text + join + "important").rules == strong);
  auto typed = rules;
  for (auto& rule : typed) rule.types = "~A";
  require(fuzz::read(text + join + "dnstype=~a").rules == typed);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = base::as_text({data, size});
  for (const std::string_view line : fuzz::lines_of(input)) {
    const auto alone = fuzz::read(line);
    fuzz::require_harmless(alone);
    fuzz::require_stable(alone, render);
  }
  std::string plain;
  for (const std::string_view line : fuzz::lines_of(input)) {
    // A comment ends a line; what is appended behind it would not be read.
    if (line.find_first_of("# \t\r\v\f;") == std::string_view::npos) plain.append("||").append(line).append("\n");
  }
  const auto reading = fuzz::check_lines(plain, render);
  for (const auto& rule : reading.rules) require(!rule.allows && rule.kind != RuleKind::kExact);
  for (const std::string_view line : fuzz::lines_of(plain)) vary(line);
  return 0;
}
