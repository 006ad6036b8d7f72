// Addresses and ranges, one in each line: what is taken for one must hold exactly the addresses of its bits, in the
// words of inet_pton() and in the filter.
#include <arpa/inet.h>

#include "tests/fuzz/list_checks.h"

using namespace rampart;
using blocklists::Action;
using blocklists::RuleKind;
using fuzz::require;

namespace {

std::string render(const fuzz::KeptRule& rule) {
  return rule.kind == RuleKind::kAddress && rule.is_plain() ? rule.text : "";
}

base::IpAddress with_bit_flipped(const base::IpAddress& address, unsigned bit) {
  std::uint8_t octets[16] = {};
  std::copy(address.octets().begin(), address.octets().end(), octets);
  octets[bit / 8] ^= static_cast<std::uint8_t>(0x80u >> bit % 8);
  return address.is_v4() ? base::IpAddress::v4(octets) : base::IpAddress::v6(octets);
}

void check_range(const fuzz::KeptRule& rule) {
  const auto range = base::IpRange::parse(rule.text);
  require(range.has_value() && range->to_string() == rule.text);
  // The address before the slash is what the C library reads, too.
  const std::string text = range->base.to_string();
  std::uint8_t octets[16] = {};
  require(inet_pton(range->base.is_v4() ? AF_INET : AF_INET6, text.c_str(), octets) == 1);
  require(std::equal(range->base.octets().begin(), range->base.octets().end(), octets));

  auto builder = blocklists::FilterSetBuilder::create(base::HashKey{}, {"g"}).value();
  const auto source = builder.add_source({.group = 0, .action = Action::kDeny});
  builder.add(source, {.kind = RuleKind::kAddress, .range = *range});
  const auto filter = builder.build().value();
  const unsigned bits = range->base.is_v4() ? 32 : 128;
  require(filter->match(range->base, 1).action == Action::kDeny);
  for (unsigned bit = 0; bit < bits; ++bit) {
    const auto other = with_bit_flipped(range->base, bit);
    if (other.is_v4() != range->base.is_v4()) continue;  // ::ffff:0:0/96 is IPv4
    require((filter->match(other, 1).action == Action::kDeny) == (bit >= range->prefix));
    require(range->contains(other) == (bit >= range->prefix));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kChecked = 4;  // each costs 128 questions
  std::size_t checked = 0;
  for (const std::string_view line : fuzz::lines_of(base::as_text({data, size}))) {
    const auto reading = fuzz::read(line);
    fuzz::require_harmless(reading);
    fuzz::require_stable(reading, render);
    for (const auto& rule : reading.rules)
      if (rule.kind == RuleKind::kAddress && checked++ < kChecked) check_range(rule);
  }
  return 0;
}
