// Durations as Go writes and reads them ("1h15m30.5s", "300ms"): the form of Blocky's API and command line.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"

namespace rampart::control {

/// Go's grammar: a sign, then numbers with optional fraction, each with its unit (ns us µs ms s m h); "0" alone
/// needs none. Errors are Go's: `time: missing unit in duration "5"`.
[[nodiscard]] base::Result<std::chrono::nanoseconds, std::string> parse_go_duration(std::string_view text);

/// "1h0m0s", "1m30s", "250ms", "0s".
[[nodiscard]] std::string go_duration_text(std::chrono::nanoseconds duration);

}  // namespace rampart::control
