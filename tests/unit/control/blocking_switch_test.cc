#include "control/blocking_switch.h"

#include <gtest/gtest.h>

namespace rampart::control {
namespace {

using std::chrono::seconds;
const base::Instant kNow{std::chrono::hours(1)};

BlockingSwitch make() {
  BlockingSwitch blocking;
  blocking.set_known_groups({"ads", "malware"});
  return blocking;
}

TEST(BlockingSwitch, DisablesAllKnownGroupsAndDefault) {
  auto blocking = make();
  ASSERT_TRUE(blocking.disable(seconds(0), {}, kNow).ok());
  EXPECT_FALSE(blocking.state().enabled);
  EXPECT_EQ(blocking.state().disabled_groups, (std::vector<std::string>{"ads", "default", "malware"}));
  EXPECT_FALSE(blocking.expire(kNow + std::chrono::hours(1000))) << "without a time it lasts until enabled";
}

TEST(BlockingSwitch, WhatIsDisabledForAllIsDisabledForGroupsToCome) {
  for (const auto& groups : {std::vector<std::string>{}, {"malware", "default", "ads"}}) {
    auto blocking = make();
    ASSERT_TRUE(blocking.disable(seconds(30), groups, kNow).ok());
    blocking.set_known_groups({"ads", "new"});
    EXPECT_EQ(blocking.state().disabled_groups, (std::vector<std::string>{"ads", "default", "new"}));
    EXPECT_TRUE(blocking.expire(kNow + seconds(30)));
    blocking.set_known_groups({"ads", "new", "newer"});
    EXPECT_TRUE(blocking.state().enabled);
    EXPECT_FALSE(blocking.is_disabled("newer"));
  }
  auto blocking = make();
  ASSERT_TRUE(blocking.disable(seconds(0), {"ads"}, kNow).ok());
  blocking.set_known_groups({"ads", "malware", "new"});
  EXPECT_FALSE(blocking.is_disabled("new"));
}

TEST(BlockingSwitch, TemporaryDisableEndsByItself) {
  auto blocking = make();
  ASSERT_TRUE(blocking.disable(seconds(30), {"ads"}, kNow).ok());
  EXPECT_TRUE(blocking.is_disabled("ads"));
  EXPECT_FALSE(blocking.is_disabled("malware"));
  EXPECT_FALSE(blocking.expire(kNow + seconds(29)));
  EXPECT_TRUE(blocking.expire(kNow + seconds(30)));
  EXPECT_TRUE(blocking.state().enabled);
  EXPECT_FALSE(blocking.is_disabled("ads"));
}

TEST(BlockingSwitch, UnknownGroupLeavesARunningTimeAlone) {
  auto blocking = make();
  ASSERT_TRUE(blocking.disable(seconds(30), {"ads"}, kNow).ok());
  const auto refused = blocking.disable(seconds(0), {"nope"}, kNow);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error(), "group 'nope' is unknown (known: ads default malware)");
  EXPECT_TRUE(blocking.expire(kNow + seconds(30)));
}

TEST(BlockingSwitch, LongestDurationsDoNotOverflowTheClock) {
  for (const auto longest : {std::chrono::milliseconds::max(), std::chrono::milliseconds(9'223'372'036'855)}) {
    auto blocking = make();
    ASSERT_TRUE(blocking.disable(longest, {}, kNow).ok());
    EXPECT_FALSE(blocking.expire(kNow + std::chrono::hours(24 * 365)));
    EXPECT_TRUE(blocking.is_disabled("ads"));
    EXPECT_EQ(*blocking.state().until, kNow + kDisabledMax);
  }
}

}  // namespace
}  // namespace rampart::control
