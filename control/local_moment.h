// A moment of the local clock as people write it in questions about schedules.
#pragma once

#include <ctime>
#include <string>
#include <string_view>

#include "base/result.h"

namespace rampart::control {

/// `Monday 21:30`, `Mon 21:30`, or `2026-12-24 21:30`. tm_wday, tm_hour and tm_min are set; the date too, if given.
[[nodiscard]] base::Result<std::tm, std::string> parse_local_moment(std::string_view text);
/// `Monday 21:30`
[[nodiscard]] std::string weekday_and_time(const std::tm& moment);
[[nodiscard]] std::tm local_moment_now();

}  // namespace rampart::control
