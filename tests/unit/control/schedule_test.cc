#include "control/schedule.h"

#include <gtest/gtest.h>

namespace rampart::control {
namespace {

constexpr unsigned kMonday = 1, kTuesday = 2, kSunday = 0, kSaturday = 6;
constexpr unsigned at(unsigned hour, unsigned minute) { return hour * 60 + minute; }

TEST(Schedule, WithoutTimesHoldsAllDay) {
  const Schedule schedule{.weekdays = 1 << kMonday};
  EXPECT_TRUE(schedule.is_active(kMonday, 0));
  EXPECT_TRUE(schedule.is_active(kMonday, at(23, 59)));
  EXPECT_FALSE(schedule.is_active(kTuesday, 0));
}

TEST(Schedule, EndIsExclusive) {
  const Schedule schedule{.weekdays = 1 << kMonday, .start_minute = at(8, 0), .end_minute = at(9, 0)};
  EXPECT_FALSE(schedule.is_active(kMonday, at(7, 59)));
  EXPECT_TRUE(schedule.is_active(kMonday, at(8, 0)));
  EXPECT_TRUE(schedule.is_active(kMonday, at(8, 59)));
  EXPECT_FALSE(schedule.is_active(kMonday, at(9, 0)));
}

TEST(Schedule, EqualTimesNeverHold) {
  const Schedule schedule{.weekdays = 0x7f, .start_minute = 60, .end_minute = 60};
  EXPECT_FALSE(schedule.is_active(kMonday, 60));
}

TEST(Schedule, OvernightReachesIntoTheNextDayAlsoOverTheWeeksEnd) {
  const Schedule schedule{.weekdays = 1 << kSaturday, .start_minute = at(22, 0), .end_minute = at(6, 0)};
  EXPECT_TRUE(schedule.is_active(kSaturday, at(22, 0)));
  EXPECT_TRUE(schedule.is_active(kSunday, at(5, 59)));
  EXPECT_FALSE(schedule.is_active(kSunday, at(6, 0)));
  EXPECT_FALSE(schedule.is_active(kSaturday, at(5, 0)));
  EXPECT_FALSE(schedule.is_active(kSunday, at(23, 0)));
}

TEST(Schedule, InvalidOneNeverHolds) {
  EXPECT_FALSE((Schedule{.weekdays = 0x7f, .is_valid = false}.is_active(kMonday, 0)));
}

}  // namespace
}  // namespace rampart::control
