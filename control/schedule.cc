#include "control/schedule.h"

namespace rampart::control {

bool Schedule::is_active(unsigned weekday, unsigned minute) const noexcept {
  if (!is_valid) return false;
  const bool today = (weekdays >> (weekday % 7)) & 1;
  if (!start_minute || !end_minute) return today;
  if (*start_minute <= *end_minute) return today && *start_minute <= minute && minute < *end_minute;
  const bool yesterday = (weekdays >> ((weekday + 6) % 7)) & 1;
  return (today && minute >= *start_minute) || (yesterday && minute < *end_minute);
}

}  // namespace rampart::control
