// For which query types a rule holds: some, or all but some (AdGuard's `$dnstype=`). A few lists have a few such
// rules, so the types travel as a pointer or as a small number, and rules for all types carry neither.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "dns/types.h"

namespace rampart::blocklists {

class QueryTypes {
 public:
  static constexpr std::size_t kMax = 16;  ///< types that one rule may name

  /// Reads `A|AAAA` (these) or `~A|~CNAME` (all but these), in any case. Of a mixture the types without `~` count,
  /// less those with it. nullopt: a type that is not known, none, more than kMax, or a mixture that leaves none.
  [[nodiscard]] static std::optional<QueryTypes> parse(std::string_view text);

  [[nodiscard]] bool contains(dns::RrType type) const noexcept {
    const auto* end = types_.data() + count_;
    return (std::find(types_.data(), end, static_cast<std::uint16_t>(type)) != end) != is_negated_;
  }
  /// As parse() reads it, in the order of the numbers.
  [[nodiscard]] std::string to_text() const;

  friend auto operator<=>(const QueryTypes&, const QueryTypes&) = default;

 private:
  bool add(std::uint16_t type);

  std::array<std::uint16_t, kMax> types_{};  ///< ascending, without duplicates; the rest is zero
  std::uint8_t count_ = 0;
  bool is_negated_ = false;
};

}  // namespace rampart::blocklists
