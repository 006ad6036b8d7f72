// Lines of hosts files: every input line becomes the names behind an address.
#include "tests/fuzz/list_checks.h"

using namespace rampart;
using fuzz::require;

namespace {

std::string render(const fuzz::KeptRule& rule) { return "0.0.0.0 " + rule.text; }

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string names;
  for (const std::string_view line : fuzz::lines_of(base::as_text({data, size}))) {
    // An address with nothing behind it is an entry for answers with that address.
    const std::string_view text = blocklists::trim(line);
    if (!text.empty() && text.front() != '#' && text.front() != ';') names.append(text).append("\n");
  }
  const std::string text = fuzz::framed(names, "0.0.0.0 ");
  const fuzz::Reading reading = fuzz::check_lines(text, render);
  for (const auto& rule : reading.rules) {
    require(rule.is_plain());
    // Names as they are, and IPv4 addresses: never what lies below a name, a pattern or a range of addresses.
    if (rule.kind != blocklists::RuleKind::kExact) {
      require(rule.kind == blocklists::RuleKind::kAddress);
      const auto range = base::IpRange::parse(rule.text);
      require(range && range->base.is_v4() && range->prefix == 32);
    }
  }
  // The address does not matter, nor what it says about a zone.
  for (const char* address : {"127.0.0.1\t", "::1 ", "192.0.2.1 ", "fe80::1%lo0 "})
    require(fuzz::read(fuzz::framed(names, address)).rules == reading.rules);
  return 0;
}
