// Time that passes only when a test says so. A program that links this file has its own clock_gettime(): whatever
// asks the monotonic clock (our code, Asio's timers, the standard library) gets the test's time, so a scenario of
// hours runs in milliseconds, the same way each time. Random numbers come from a seed for the same reason.
#pragma once

#include <chrono>
#include <cstdint>

namespace rampart::test {

/// Stops the clock. To be called first in main(), before any thread starts or any timer is made.
void stop_the_clock(std::uint64_t seed);
void advance_the_clock(std::chrono::nanoseconds by);
[[nodiscard]] std::chrono::steady_clock::time_point virtual_now();
/// The kernel's own clock: for giving up on what does not happen.
[[nodiscard]] std::chrono::nanoseconds real_now();

}  // namespace rampart::test
