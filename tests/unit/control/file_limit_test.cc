#include "control/file_limit.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace rampart::control {
namespace {

TEST(FileLimit, RaisesTheSoftLimitAsFarAsTheHardOneLetsIt) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit low{128, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  EXPECT_EQ(raise_file_limit(200).allowed, 200u);
  EXPECT_EQ(raise_file_limit(100).allowed, 200u) << "it is never lowered";
  if (before.rlim_max != RLIM_INFINITY) {
    const auto all = raise_file_limit(before.rlim_max + 1000);
    EXPECT_EQ(all.allowed, before.rlim_max);
    EXPECT_LT(all.allowed, all.needed);
  }
  setrlimit(RLIMIT_NOFILE, &before);
}

}  // namespace
}  // namespace rampart::control
