// Names as lists spell them: any case, with or without final dot, ASCII or Unicode.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace rampart::blocklists {

/// Longest name without final dot: 255 octets of wire format less the root and the first length octet.
inline constexpr std::size_t kNameTextMax = 253;

class NameFolder {
 public:
  /// The name in lower-case A-labels without final dot; valid until the next call. nullopt unless all labels have
  /// 1 to 63 octets of letters, digits, `-` and `_`, and the name at most 253. Unicode names are converted
  /// (IDNA2008, non-transitional, as UTS 46 maps them); A-labels are taken as they are.
  [[nodiscard]] std::optional<std::string_view> fold(std::string_view text);

 private:
  [[nodiscard]] std::optional<std::string_view> fold_ascii(std::string_view text) noexcept;
  std::array<char, kNameTextMax + 1> folded_;
};

}  // namespace rampart::blocklists
