// Looks at texts eight octets at a time; for what runs over every logged query.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace rampart::base {

/// How many octets at the start of `text` are printable ASCII (0x20 to 0x7e).
inline std::size_t plain_prefix(std::string_view text) noexcept {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  constexpr std::uint64_t kHigh = 0x80 * kOnes;
  std::size_t at = 0;
  for (; text.size() - at >= sizeof(std::uint64_t); at += sizeof(std::uint64_t)) {
    std::uint64_t word;
    std::memcpy(&word, text.data() + at, sizeof(word));
    // An octet below 0x20 borrows, 0x7f carries, and those above have the high bit already.
    if ((((word - 0x20 * kOnes) | (word + kOnes) | word) & kHigh) != 0) break;
  }
  while (at < text.size() && text[at] >= 0x20 && text[at] < 0x7f) ++at;
  return at;
}

}  // namespace rampart::base
