#include "storage/retention_clock.h"

#include <gtest/gtest.h>

namespace rampart::storage {
namespace {

using std::chrono::days;
using std::chrono::hours;

constexpr base::WallTime kNow{days(19'000) + hours(12)};
constexpr base::Instant kStart{hours(5)};

TEST(RetentionClock, ALogThatGoesOnAndAnEmptyOneCountFromNow) {
  EXPECT_EQ(RetentionClock().count_from(kNow, kStart, kNow - days(2)), kNow);
  EXPECT_EQ(RetentionClock().count_from(kNow, kStart, kNow - days(3)), kNow) << "a day without entries";
  EXPECT_EQ(RetentionClock().count_from(kNow, kStart, std::nullopt), kNow);
  EXPECT_EQ(RetentionClock().count_from(kNow, kStart, kNow + days(60)), kNow) << "once ahead, now right";
}

TEST(RetentionClock, AClockFarAheadOfTheLogCountsFromTheLog) {
  RetentionClock clock;
  EXPECT_EQ(clock.count_from(kNow + days(60), kStart, kNow), kNow);
  EXPECT_EQ(clock.count_from(kNow, kStart + hours(1), kNow - days(2)), kNow) << "mended";
}

TEST(RetentionClock, AClockSetAheadOnTheWayCountsTheTimeThatHasPassed) {
  RetentionClock clock;
  EXPECT_EQ(clock.count_from(kNow, kStart, kNow - days(2)), kNow);
  EXPECT_EQ(clock.count_from(kNow + days(60), kStart + days(1), kNow - days(1)), kNow + days(1));
}

TEST(RetentionClock, ASilentLogAgesWhileTheProcessRuns) {
  RetentionClock clock;
  EXPECT_EQ(clock.count_from(kNow, kStart, kNow - days(40)), kNow - days(40));
  EXPECT_EQ(clock.count_from(kNow + days(30), kStart + days(30), kNow - days(40)), kNow - days(10));
  EXPECT_EQ(clock.count_from(kNow + days(90), kStart + days(90), kNow - days(40)), kNow + days(50));
}

TEST(RetentionClock, TwoDaysOfEntriesAfterASilenceProveTheClock) {
  RetentionClock clock;
  EXPECT_EQ(clock.count_from(kNow, kStart, kNow - days(40)), kNow - days(40));
  EXPECT_EQ(clock.count_from(kNow + days(2), kStart + days(2), kNow), kNow + days(2));
}

}  // namespace
}  // namespace rampart::storage
