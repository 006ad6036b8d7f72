// Cuts texts at a bound without leaving half a character at their end.
#pragma once

#include <cstddef>
#include <string_view>

namespace rampart::control {

/// The longest prefix of at most `bytes` octets that ends between two characters. Valid UTF-8 stays valid.
[[nodiscard]] constexpr std::string_view utf8_prefix(std::string_view text, std::size_t bytes) noexcept {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xc0) == 0x80) --bytes;
  return text.substr(0, bytes);
}
static_assert(utf8_prefix("ab", 2) == "ab" && utf8_prefix("abc", 2) == "ab");
static_assert(utf8_prefix("a\xc3\xa9", 2) == "a" && utf8_prefix("a\xc3\xa9", 3) == "a\xc3\xa9");

}  // namespace rampart::control
