#include "resolver/special_use.h"

#include <array>
#include <string_view>

namespace rampart::resolver {
namespace {

// The labels from the right end of the name, as lower-case text.
std::string_view label_from_right(const dns::FoldedName& name, std::size_t index) noexcept {
  if (index >= name.label_count) return {};
  const std::uint8_t at = name.label_at[name.label_count - 1 - index];
  return {reinterpret_cast<const char*>(name.wire.data() + at + 1), name.wire[at]};
}

constexpr std::array<std::string_view, 4> kNonexistent = {"test", "invalid", "local", "onion"};
constexpr std::array<std::string_view, 6> kAppendixG = {"intranet", "internal", "private", "corp", "home", "lan"};

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& list, std::string_view label) noexcept {
  for (const auto entry : list)
    if (entry == label) return true;
  return false;
}

// RFC 6303 4.1 and RFC 1918: 10/8, 172.16/12, 192.168/16, 169.254/16; `labels` right of in-addr.
bool is_private_reverse_v4(const dns::FoldedName& name) noexcept {
  const auto first = label_from_right(name, 2);
  const auto second = label_from_right(name, 3);
  if (first == "10") return true;
  if (first == "192") return second == "168";
  if (first == "169") return second == "254";
  if (first != "172" || second.size() != 2) return false;
  const int octet = (second[0] - '0') * 10 + (second[1] - '0');
  return second[0] >= '1' && second[0] <= '3' && second[1] >= '0' && second[1] <= '9' && octet >= 16 && octet <= 31;
}

// fe80::/10 as 8.e.f. to b.e.f. (RFC 6303 4.5).
bool is_link_local_reverse_v6(const dns::FoldedName& name) noexcept {
  const auto third = label_from_right(name, 4);
  return label_from_right(name, 2) == "f" && label_from_right(name, 3) == "e" &&
         (third == "8" || third == "9" || third == "a" || third == "b");
}

}  // namespace

SpecialUse special_use_of(const dns::FoldedName& name, dns::RrType qtype, bool appendix_g) noexcept {
  const auto last = label_from_right(name, 0);
  if (last == "localhost") return SpecialUse::kLocalhost;
  if (contains(kNonexistent, last)) return SpecialUse::kNxDomain;
  if (appendix_g && contains(kAppendixG, last)) return SpecialUse::kNxDomain;
  if (last != "arpa") return SpecialUse::kNone;

  const auto second = label_from_right(name, 1);
  if (second == "resolver") return SpecialUse::kEmpty;
  // RFC 8375 4: DS for home.arpa is asked in the parent, which is real.
  if (second == "home") return qtype == dns::RrType::kDs ? SpecialUse::kNone : SpecialUse::kNxDomain;
  if (second == "in-addr" && is_private_reverse_v4(name)) return SpecialUse::kNxDomain;
  if (second == "ip6" && is_link_local_reverse_v6(name)) return SpecialUse::kNxDomain;
  return SpecialUse::kNone;
}

}  // namespace rampart::resolver
