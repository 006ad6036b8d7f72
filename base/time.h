// Time is an argument: the query path is handed an Instant (monotonic, read once for each batch) and never
// looks at a clock, so tests run on virtual time. WallTime is only for logs and for people.
#pragma once

#include <chrono>
#include <cstdint>

namespace rampart::base {

using Instant = std::chrono::steady_clock::time_point;
using WallTime = std::chrono::system_clock::time_point;
using Duration = std::chrono::nanoseconds;

inline Instant monotonic_now() noexcept { return std::chrono::steady_clock::now(); }
inline WallTime wall_now() noexcept { return std::chrono::system_clock::now(); }

/// Whole seconds since the clock's own epoch; the unit in which cached TTLs age.
inline std::int64_t to_seconds(Instant t) noexcept {
  return std::chrono::duration_cast<std::chrono::seconds>(t.time_since_epoch()).count();
}

}  // namespace rampart::base
