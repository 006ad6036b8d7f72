#include "resolver/upstream_group.h"

#include <algorithm>
#include <bit>

namespace rampart::resolver {

std::uint32_t upstream_weight(std::optional<base::Duration> since_last_error) noexcept {
  if (!since_last_error) return kWeightMax;
  const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(*since_last_error).count();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(minutes, 1, kWeightMax));
}

std::optional<std::size_t> choose_by_weight(std::span<const std::uint32_t> weights, std::uint64_t excluded,
                                            base::SecureRandom& random) noexcept {
  std::uint32_t total = 0;
  for (std::size_t i = 0; i < weights.size(); ++i)
    if (!(excluded >> i & 1)) total += weights[i];
  if (total == 0) return std::nullopt;
  std::uint32_t at = random.below(total);
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (excluded >> i & 1) continue;
    if (at < weights[i]) return i;
    at -= weights[i];
  }
  return std::nullopt;
}

std::optional<std::size_t> choose_in_order(std::size_t count, std::uint64_t excluded, std::uint64_t down) noexcept {
  const std::uint64_t all = count >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << count) - 1;
  const std::uint64_t left = all & ~excluded;
  if (left == 0) return std::nullopt;
  const std::uint64_t up = left & ~down;
  return static_cast<std::size_t>(std::countr_zero(up != 0 ? up : left));
}

}  // namespace rampart::resolver
