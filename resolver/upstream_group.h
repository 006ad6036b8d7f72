// Which upstream to ask: Blocky's arithmetic, without state. An upstream that had no error for an hour weighs
// 60; after an error it weighs as many minutes as have passed since, at least 1.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/random.h"
#include "base/time.h"

namespace rampart::resolver {

inline constexpr std::uint32_t kWeightMax = 60;
/// Upstreams of one group that are used: what was asked already is a 64-bit mask.
inline constexpr std::size_t kUpstreamsPerGroupMax = 64;

/// The weight of an upstream; nullopt: it never had an error.
[[nodiscard]] std::uint32_t upstream_weight(std::optional<base::Duration> since_last_error) noexcept;

/// A choice in proportion to the weights (each >= 1), never one whose bit is set in `excluded`; drawing again
/// with the chosen bit added is weighted sampling without replacement. nullopt: all are excluded.
[[nodiscard]] std::optional<std::size_t> choose_by_weight(std::span<const std::uint32_t> weights,
                                                          std::uint64_t excluded, base::SecureRandom& random) noexcept;

/// The first in order that is neither excluded nor down; where all others are excluded, the first that is down.
[[nodiscard]] std::optional<std::size_t> choose_in_order(std::size_t count, std::uint64_t excluded,
                                                         std::uint64_t down) noexcept;

}  // namespace rampart::resolver
