// When what comes from other hosts is to be asked for again.
#pragma once

#include <chrono>
#include <cstdint>

#include "base/random.h"

namespace rampart::control {

/// The time to the next refresh of lists or hosts files: up to a tenth less than the period, so that instances that
/// were started together do not meet at the hosts of the files again and again.
[[nodiscard]] inline std::chrono::milliseconds jittered(std::chrono::milliseconds period,
                                                        base::SecureRandom& random) {
  constexpr std::uint32_t kSteps = 1'000'000;
  const std::int64_t tenth = period.count() / 10;
  return period - std::chrono::milliseconds(tenth * static_cast<std::int64_t>(random.below(kSteps)) / kSteps);
}

}  // namespace rampart::control
