#include "base/background_thread.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>

#include <thread>

namespace rampart::base {
namespace {

TEST(BackgroundThread, GivesWayAloneAndNotTheWholeProcess) {
  int policy = -1, nice = -1;
  std::thread([&] {
    give_way_to_workers(5);
    policy = sched_getscheduler(0);
    nice = getpriority(PRIO_PROCESS, 0);
  }).join();
  EXPECT_EQ(policy, SCHED_BATCH);
  EXPECT_GE(nice, 5);  // a process that is nicer already stays so
  EXPECT_EQ(sched_getscheduler(0), SCHED_OTHER);
  EXPECT_LT(getpriority(PRIO_PROCESS, 0), 5);
}

}  // namespace
}  // namespace rampart::base
