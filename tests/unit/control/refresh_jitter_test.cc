#include "control/refresh_jitter.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace rampart::control {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;

// Two hundred instances that were started in the same second must not come to the list hosts in the same one again.
TEST(Jittered, SpreadsRefreshesOverATenthOfThePeriod) {
  base::SecureRandom random;
  const milliseconds period = hours(4);
  std::set<std::int64_t> seconds;
  milliseconds least = period;
  milliseconds most{0};
  for (int i = 0; i < 200; ++i) {
    const milliseconds delay = jittered(period, random);
    EXPECT_LE(delay, period);
    EXPECT_GE(delay, period * 9 / 10);
    seconds.insert(delay.count() / 1000);
    least = std::min(least, delay);
    most = std::max(most, delay);
  }
  EXPECT_GT(seconds.size(), 150u);
  EXPECT_GT(most - least, minutes(12)) << "of the 24 that a tenth is";
}

TEST(Jittered, ShortPeriodsStayPositive) {
  base::SecureRandom random;
  for (int i = 0; i < 100; ++i) EXPECT_GT(jittered(milliseconds(1), random).count(), 0);
}

}  // namespace
}  // namespace rampart::control
