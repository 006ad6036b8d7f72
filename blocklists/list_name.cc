#include "blocklists/list_name.h"

#include <idn2.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>

namespace rampart::blocklists {
namespace {

/// The lower-case form of each octet that a name may hold; 0 for all others.
constexpr std::array<char, 256> kFold = [] {
  std::array<char, 256> table{};
  for (int c = 'a'; c <= 'z'; ++c) {
    table[static_cast<std::size_t>(c)] = static_cast<char>(c);
    table[static_cast<std::size_t>(c - 'a' + 'A')] = static_cast<char>(c);
  }
  for (int c = '0'; c <= '9'; ++c) table[static_cast<std::size_t>(c)] = static_cast<char>(c);
  for (const char c : {'-', '_', '.'}) table[static_cast<std::size_t>(c)] = c;
  return table;
}();

/// Unicode takes up to four octets where the A-label takes about one; beyond this no name can come out.
constexpr std::size_t kUnicodeTextMax = 1024;

constexpr std::size_t kLabelMax = 63;

}  // namespace

std::optional<std::string_view> NameFolder::fold_ascii(std::string_view text) noexcept {
  if (!text.empty() && text.back() == '.') text.remove_suffix(1);
  if (text.empty() || text.size() > kNameTextMax) return std::nullopt;
  std::size_t label = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = kFold[static_cast<std::uint8_t>(text[i])];
    if (c == '.') {
      if (label == 0) return std::nullopt;
      label = 0;
    } else if (c == 0 || ++label > kLabelMax) {
      return std::nullopt;
    }
    folded_[i] = c;
  }
  if (label == 0) return std::nullopt;
  return std::string_view(folded_.data(), text.size());
}

std::optional<std::string_view> NameFolder::fold(std::string_view text) {
  if (const auto folded = fold_ascii(text)) return folded;
  const bool is_ascii = std::none_of(text.begin(), text.end(), [](char c) { return (c & 0x80) != 0; });
  if (is_ascii || text.size() > kUnicodeTextMax) return std::nullopt;

  std::uint8_t* converted = nullptr;
  const std::string terminated(text);
  const int status = idn2_lookup_u8(reinterpret_cast<const std::uint8_t*>(terminated.c_str()), &converted,
                                    IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  if (status != IDN2_OK) return std::nullopt;
  const std::unique_ptr<std::uint8_t, void (*)(void*)> owner(converted, idn2_free);
  return fold_ascii(reinterpret_cast<const char*>(converted));
}

}  // namespace rampart::blocklists
