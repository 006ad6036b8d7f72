// Awaiting what another thread or process is about to do, where nothing signals it.
#pragma once

#include <chrono>
#include <thread>

#include "tests/support/time_factor.h"

namespace rampart::test_support {

/// Whether the condition holds within `most`, which is longer where a sanitizer makes all slower.
template <class Condition>
[[nodiscard]] bool eventually(std::chrono::milliseconds most, Condition&& condition) {
  const auto end = std::chrono::steady_clock::now() + most * kTimeFactor;
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}
template <class Condition>
[[nodiscard]] bool eventually(Condition&& condition) {
  return eventually(std::chrono::seconds(15), condition);
}

}  // namespace rampart::test_support
