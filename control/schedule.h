// When a list group is in force: `blocking.schedules`. Minute granularity, local time.
#pragma once

#include <cstdint>
#include <optional>

namespace rampart::control {

struct Schedule {
  std::uint8_t weekdays = 0;  ///< bit 0 = Sunday … bit 6 = Saturday (as tm_wday counts)
  std::optional<std::uint16_t> start_minute;  ///< of the day; absent together with the end: the whole day
  std::optional<std::uint16_t> end_minute;    ///< exclusive; before the start: on the next day
  bool is_valid = true;  ///< false: written wrongly (a WARN says how); never active, as in Blocky

  /// `weekday` 0..6 from Sunday, `minute` 0..1439, both of the local clock.
  [[nodiscard]] bool is_active(unsigned weekday, unsigned minute) const noexcept;
  friend bool operator==(const Schedule&, const Schedule&) = default;
};

}  // namespace rampart::control
