#include "control/local_moment.h"

#include <array>
#include <cctype>
#include <cstdio>

namespace rampart::control {
namespace {

constexpr std::array<const char*, 7> kDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                              "Thursday", "Friday", "Saturday"};

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

int weekday_of(std::string_view word) {
  const std::string wanted = lower(word);
  for (std::size_t i = 0; i < kDays.size(); ++i) {
    const std::string day = lower(kDays[i]);
    if (wanted == day || wanted == day.substr(0, 3)) return static_cast<int>(i);
  }
  return -1;
}

/// Exactly `digits` decimal digits at `at`, or -1.
int number(std::string_view text, std::size_t at, std::size_t digits) {
  if (at + digits > text.size()) return -1;
  int value = 0;
  for (std::size_t i = at; i < at + digits; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

}  // namespace

base::Result<std::tm, std::string> parse_local_moment(std::string_view text) {
  const auto fault = [&] {
    return base::Error{"'" + std::string(text) + "' is no moment; write `Monday 21:30` or `2026-12-24 21:30`"};
  };
  const std::size_t blank = text.find(' ');
  if (blank == std::string_view::npos) return fault();
  const std::string_view day = text.substr(0, blank);
  const std::string_view time = text.substr(blank + 1);
  std::tm moment{};
  moment.tm_isdst = -1;
  moment.tm_hour = number(time, 0, 2);
  moment.tm_min = number(time, 3, 2);
  if (time.size() != 5 || time[2] != ':' || moment.tm_hour < 0 || moment.tm_hour > 23 || moment.tm_min < 0 ||
      moment.tm_min > 59)
    return fault();
  if (const int weekday = weekday_of(day); weekday >= 0) {
    moment.tm_wday = weekday;
    return moment;
  }
  const int year = number(day, 0, 4);
  const int month = number(day, 5, 2);
  const int date = number(day, 8, 2);
  if (day.size() != 10 || day[4] != '-' || day[7] != '-' || year < 1970 || month < 1 || date < 1) return fault();
  const int hour = moment.tm_hour;
  const int minute = moment.tm_min;
  moment.tm_year = year - 1900;
  moment.tm_mon = month - 1;
  moment.tm_mday = date;
  if (std::mktime(&moment) == -1 || moment.tm_mon != month - 1 || moment.tm_mday != date) return fault();
  // A time that the clock skips in spring stays as it was asked for: schedules only know the clock's face.
  moment.tm_hour = hour;
  moment.tm_min = minute;
  return moment;
}

std::string weekday_and_time(const std::tm& moment) {
  char time[16];
  std::snprintf(time, sizeof(time), " %02d:%02d", moment.tm_hour % 24, moment.tm_min % 60);
  return kDays[static_cast<std::size_t>(moment.tm_wday) % 7] + std::string(time);
}

std::tm local_moment_now() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  return local;
}

}  // namespace rampart::control
