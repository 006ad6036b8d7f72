// Looks at texts eight octets at a time; for what runs over every logged query.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

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

/// Whether all octets of `text` are printable ASCII; sixteen at a time, as whole lines are looked at.
inline bool is_plain(std::string_view text) noexcept {
  using Octets [[gnu::vector_size(16)]] = signed char;
  if (text.size() < sizeof(Octets)) return plain_prefix(text) == text.size();
  const auto look_at = [&](std::size_t at) {
    Octets octets;
    std::memcpy(&octets, text.data() + at, sizeof(octets));
    return (octets < 0x20) | (octets == 0x7f);  // those above 0x7f are negative
  };
  auto found = look_at(text.size() - sizeof(Octets));  // may overlap the last of the others
  for (std::size_t at = 0; at + sizeof(Octets) < text.size(); at += sizeof(Octets)) found |= look_at(at);
  std::array<std::uint64_t, 2> words;
  std::memcpy(words.data(), &found, sizeof(words));
  return (words[0] | words[1]) == 0;
}

/// Lower-cases the ASCII letters among eight octets; others stay.
constexpr std::uint64_t fold_word(std::uint64_t word) noexcept {
  constexpr std::uint64_t kOnes = 0x0101010101010101;
  const std::uint64_t low7 = word & (kOnes * 0x7f);
  const std::uint64_t at_least_a = low7 + kOnes * (0x80 - 'A');
  const std::uint64_t above_z = low7 + kOnes * (0x7f - 'Z');
  const std::uint64_t is_upper = at_least_a & ~above_z & ~word & (kOnes * 0x80);
  return word | (is_upper >> 2);  // 0x80 >> 2 is the case bit 0x20
}

/// Lower-cases the ASCII letters of `text` into `to`, which has room for as many octets and lies elsewhere.
inline void fold_text(std::string_view text, char* to) noexcept {
  constexpr std::size_t kWord = sizeof(std::uint64_t);
  const auto fold_at = [&](std::size_t at) {
    std::uint64_t word;
    std::memcpy(&word, text.data() + at, kWord);
    word = fold_word(word);
    std::memcpy(to + at, &word, kWord);
  };
  std::size_t at = 0;
  for (; text.size() - at >= kWord; at += kWord) fold_at(at);
  if (text.size() >= kWord) return fold_at(text.size() - kWord);  // overlaps the one before
  for (; at < text.size(); ++at) {
    const char c = text[at];
    to[at] = static_cast<char>(c | ((c >= 'A' && c <= 'Z') ? 0x20 : 0));
  }
}

/// Copies `text` to `to` and returns the place behind it. Most texts are so short that a call of memcpy costs more
/// than the copy: their halves are copied, which overlap.
inline char* put_text(char* to, std::string_view text) noexcept {
  const std::size_t n = text.size();
  const char* const from = text.data();
  const auto copy_halves = [&]<std::size_t kHalf>(std::integral_constant<std::size_t, kHalf>) {
    std::array<char, kHalf> first, last;
    std::memcpy(first.data(), from, kHalf);
    std::memcpy(last.data(), from + n - kHalf, kHalf);
    std::memcpy(to, first.data(), kHalf);
    std::memcpy(to + n - kHalf, last.data(), kHalf);
  };
  if (n > 32) std::memcpy(to, from, n);
  else if (n >= 16) copy_halves(std::integral_constant<std::size_t, 16>());
  else if (n >= 8) copy_halves(std::integral_constant<std::size_t, 8>());
  else if (n >= 4) copy_halves(std::integral_constant<std::size_t, 4>());
  else if (n >= 2) copy_halves(std::integral_constant<std::size_t, 2>());
  else if (n == 1) *to = *from;
  return to + n;
}

}  // namespace rampart::base
