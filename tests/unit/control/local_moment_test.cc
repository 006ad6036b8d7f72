#include "control/local_moment.h"

#include <gtest/gtest.h>

namespace rampart::control {
namespace {

TEST(LocalMoment, WeekdayAndTime) {
  EXPECT_EQ(weekday_and_time(*parse_local_moment("Monday 21:30")), "Monday 21:30");
  EXPECT_EQ(weekday_and_time(*parse_local_moment("sun 00:00")), "Sunday 00:00");
}

TEST(LocalMoment, ADateHasItsWeekday) {
  EXPECT_EQ(weekday_and_time(*parse_local_moment("2026-12-24 21:30")), "Thursday 21:30");
  EXPECT_EQ(weekday_and_time(*parse_local_moment("2028-02-29 06:05")), "Tuesday 06:05");
}

TEST(LocalMoment, AnythingElseIsNone) {
  for (const char* text : {"", "Monday", "21:30", "Monday 24:00", "Monday 7:30", "Monday 21:60", "Monday 21:30 ", "Mo 21:30",
                           "2026-02-30 10:00", "2026-13-01 10:00", "2026-1-01 10:00", "26-01-01 10:00", "Monday 2x:30"}) {
    const auto moment = parse_local_moment(text);
    ASSERT_FALSE(moment.ok()) << text;
    EXPECT_NE(moment.error().find("write `Monday 21:30`"), std::string::npos);
  }
}

}  // namespace
}  // namespace rampart::control
