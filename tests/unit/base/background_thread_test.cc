#include "base/background_thread.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
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

TEST(BackgroundThread, ShortTurnsChangeNeitherPolicyNorShare) {
  int policy = -1, nice = -1;
  std::thread([&] {
    take_short_turns(std::chrono::microseconds(100));
    policy = sched_getscheduler(0);
    nice = getpriority(PRIO_PROCESS, 0);
  }).join();
  EXPECT_EQ(policy, SCHED_OTHER);
  EXPECT_EQ(nice, getpriority(PRIO_PROCESS, 0));
}

TEST(BackgroundThread, ShortTurnsAreWhatTheKernelKeeps) {
  utsname system;
  ASSERT_EQ(uname(&system), 0);
  int major = 0, minor = 0;
  ASSERT_EQ(std::sscanf(system.release, "%d.%d", &major, &minor), 2);
  if (major * 100 + minor < 612) GTEST_SKIP() << "Linux " << system.release << " knows no turns of a thread's own";
  std::array<std::uint64_t, 7> attributes{};  // struct sched_attr: runtime is its fourth word
  std::thread([&] {
    take_short_turns(std::chrono::microseconds(300));
    EXPECT_EQ(syscall(SYS_sched_getattr, 0, attributes.data(), 48, 0), 0);
  }).join();
  EXPECT_EQ(attributes[3], 300'000u);
}

}  // namespace
}  // namespace rampart::base
