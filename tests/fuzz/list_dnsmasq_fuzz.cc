// Lines of dnsmasq configuration; the first octet chooses the key that every line stands behind.
#include "tests/fuzz/list_checks.h"

using namespace rampart;
using blocklists::RuleKind;
using fuzz::require;

namespace {

std::string render(const fuzz::KeptRule& rule) {
  return rule.allows ? "server=/" + rule.text + "/#" : "address=/" + rule.text + "/";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  constexpr const char* kKeys[] = {"address=/", "server=/", "local=/", "cache-size=", "conf-file=", "dhcp-host="};
  const char* const key = kKeys[data[0] % std::size(kKeys)];
  const bool may_block = std::string_view(key).ends_with('/');
  std::string text;
  for (const std::string_view line : fuzz::lines_of(base::as_text({data + 1, size - 1}))) {
    // A page's cosmetic marks or a comment within it make another line of it.
    if (line.find_first_of("#;") == std::string_view::npos || may_block) text.append(key).append(line).append("\n");
  }
  const auto lines = fuzz::lines_of(text);
  std::vector<fuzz::KeptRule> rules;
  for (const std::string_view line : lines) {
    const auto alone = fuzz::read(line);
    // Several names may stand in one line, of which some are rules even if others are none.
    if (alone.statistics.blank_lines != 0 || !may_block) require(alone.rules.empty());
    fuzz::require_stable(alone, render);
    for (const auto& rule : alone.rules) {
      require(rule.kind == RuleKind::kWildcard || rule.kind == RuleKind::kAddress);
      require(!rule.important && rule.types.empty());
      require(!rule.allows || std::string_view(key) != "address=/");
    }
    rules.insert(rules.end(), alone.rules.begin(), alone.rules.end());
    // The same names with data that mean somewhere are no blocks.
    const bool has_comment = line.find_first_of("#;") != std::string_view::npos;
    const auto last = line.rfind('/');
    if (may_block && !has_comment && last != std::string_view::npos && last > line.find('/')) {
      const auto names = std::string(line.substr(0, last + 1));
      require(fuzz::read(names + "192.0.2.1").rules.empty());
      require(fuzz::read(names + "2001:db8::1").rules.empty());
    }
  }
  require(fuzz::read(text).rules == rules);
  fuzz::require_decisive(rules);
  return 0;
}
