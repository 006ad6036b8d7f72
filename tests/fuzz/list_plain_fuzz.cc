// Plain names, `*.name` and `/regex/`; the first octet chooses which of them every line becomes.
#include "tests/fuzz/list_checks.h"

using namespace rampart;
using blocklists::RuleKind;
using fuzz::require;

namespace {

std::string render(const fuzz::KeptRule& rule) {
  if (!rule.is_plain()) return {};
  switch (rule.kind) {
    case RuleKind::kExact: return rule.text;
    case RuleKind::kWildcard: return "*." + rule.text;
    case RuleKind::kRegex: return "/" + rule.text + "/";
    case RuleKind::kAddress: return rule.text;
  }
  return {};
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view input = base::as_text({data + 1, size - 1});
  if (data[0] % 3 == 0) {
    const auto reading = fuzz::check_lines(fuzz::framed(input, "/", "/"), render);
    for (const auto& rule : reading.rules) require(rule.kind == RuleKind::kRegex || !rule.is_plain());
    return 0;
  }
  if (data[0] % 3 == 1) {
    const auto reading = fuzz::check_lines(fuzz::framed(input, "*."), render);
    for (const auto& rule : reading.rules) require(rule.kind == RuleKind::kWildcard);
    return 0;
  }
  // Whole lines, as plain as they are: what a letter's case or a final dot changes is nothing.
  std::string upper;
  std::string dotted;
  std::string lower;
  for (const std::string_view as_given : fuzz::lines_of(input)) {
    std::string line(as_given);
    const auto alone = fuzz::read(line);
    fuzz::require_harmless(alone);
    fuzz::require_stable(alone, render);
    if (alone.rules.size() != 1 || alone.rules[0].kind != RuleKind::kExact || !alone.rules[0].is_plain()) continue;
    if (!is_ascii(line) || line.find_first_of(" \t\r\v\f|^$") != std::string::npos) continue;
    lower += line + "\n";
    for (char& c : line)
      if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    upper += line + "\n";
    dotted += line + (line.ends_with('.') ? "\n" : ".\n");
  }
  const auto rules = fuzz::read(lower).rules;
  fuzz::require_decisive(rules);
  require(fuzz::read(upper).rules == rules);
  require(fuzz::read(dotted).rules == rules);
  return 0;
}
