#include "base/timing_wheel.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <random>
#include <vector>

namespace rampart::base {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

const Instant kStart{seconds(1000)};

struct Timer : TimerEntry {
  int id = 0;
};

std::vector<int> expired_ids(TimingWheel& wheel, Instant now) {
  std::vector<int> ids;
  wheel.advance(now, [&](TimerEntry& entry) { ids.push_back(static_cast<Timer&>(entry).id); });
  return ids;
}

TEST(TimingWheel, ExpiresAtItsDeadlineNeverBefore) {
  TimingWheel wheel(kStart);
  Timer timer;
  wheel.arm(timer, kStart + milliseconds(100));
  EXPECT_TRUE(timer.is_armed());
  EXPECT_TRUE(expired_ids(wheel, kStart + milliseconds(99)).empty());
  EXPECT_TRUE(timer.is_armed());
  EXPECT_EQ(expired_ids(wheel, kStart + milliseconds(100) + TimingWheel::kTick), std::vector<int>{0});
  EXPECT_FALSE(timer.is_armed());
  EXPECT_EQ(wheel.next_tick_or_max(), Instant::max());
}

TEST(TimingWheel, NextTickIsNeverLaterThanTheDeadlinesTickAndLeadsThereInFewSteps) {
  for (const Duration wait : {Duration(milliseconds(1)), Duration(milliseconds(63)), Duration(milliseconds(64)),
                              Duration(seconds(2)), Duration(seconds(90)), Duration(hours(24)),
                              Duration(hours(24 * 365 * 20))}) {
    TimingWheel wheel(kStart);
    Timer timer;
    wheel.arm(timer, kStart + wait);
    int steps = 0;
    Instant now{};
    while (timer.is_armed()) {
      now = wheel.next_tick_or_max();
      ASSERT_LT(now, kStart + wait + TimingWheel::kTick);
      expired_ids(wheel, now);
      ASSERT_LE(++steps, 7) << wait.count();
    }
    EXPECT_GE(now, kStart + wait);
  }
}

TEST(TimingWheel, CancelledAndMovedEntriesDoNotExpireAtTheirOldDeadline) {
  TimingWheel wheel(kStart);
  Timer cancelled, moved;
  moved.id = 1;
  wheel.arm(cancelled, kStart + milliseconds(10));
  wheel.arm(moved, kStart + milliseconds(10));
  wheel.cancel(cancelled);
  wheel.cancel(cancelled);
  wheel.arm(moved, kStart + seconds(10));
  EXPECT_TRUE(expired_ids(wheel, kStart + seconds(9)).empty());
  EXPECT_EQ(expired_ids(wheel, kStart + seconds(11)), std::vector<int>{1});
}

TEST(TimingWheel, PastDeadlineExpiresAtTheNextTick) {
  TimingWheel wheel(kStart);
  Timer timer;
  expired_ids(wheel, kStart + seconds(5));
  wheel.arm(timer, kStart);
  EXPECT_LE(wheel.next_tick_or_max(), kStart + seconds(5) + TimingWheel::kTick);
  EXPECT_EQ(expired_ids(wheel, kStart + seconds(5) + TimingWheel::kTick).size(), 1u);
}

TEST(TimingWheel, EntryRearmedInItsCallbackWaitsForTheNextAdvance) {
  TimingWheel wheel(kStart);
  Timer timer;
  wheel.arm(timer, kStart + milliseconds(1));
  int calls = 0;
  const auto again = [&](TimerEntry& entry) {
    ++calls;
    wheel.arm(entry, kStart);
  };
  wheel.advance(kStart + seconds(1), again);
  EXPECT_EQ(calls, 1);
  wheel.advance(kStart + seconds(1) + 2 * TimingWheel::kTick, again);
  EXPECT_EQ(calls, 2);
}

TEST(TimingWheel, CallbackMayCancelAndDestroyOthersOfTheSameTick) {
  TimingWheel wheel(kStart);
  Timer first, second;
  auto third = std::make_unique<Timer>();
  for (Timer* timer : {&first, &second, third.get()}) wheel.arm(*timer, kStart + milliseconds(5));
  int calls = 0;
  wheel.advance(kStart + seconds(1), [&](TimerEntry&) {
    ++calls;
    wheel.cancel(second);
    third.reset();
  });
  EXPECT_EQ(calls, 1);
}

TEST(TimingWheel, DestroyedEntriesAndWheelsLeaveNothingBehind) {
  Timer survivor;
  {
    TimingWheel wheel(kStart);
    { Timer gone; wheel.arm(gone, kStart + milliseconds(5)); }
    wheel.arm(survivor, kStart + seconds(5));
    EXPECT_TRUE(expired_ids(wheel, kStart + seconds(1)).empty());
  }
  EXPECT_FALSE(survivor.is_armed());
}

TEST(TimingWheel, ExtremeInstantsStayInOrder) {
  TimingWheel wheel(kStart);
  Timer never, soon;
  soon.id = 1;
  wheel.arm(never, Instant::max());
  wheel.arm(soon, Instant::min());
  EXPECT_EQ(expired_ids(wheel, kStart + hours(24 * 365 * 100)), std::vector<int>{1});
  EXPECT_TRUE(never.is_armed());
  EXPECT_TRUE(expired_ids(wheel, kStart).empty());  // time going backwards
}

// Against a multimap, over random arms, moves, cancels and leaps.
TEST(TimingWheel, AgreesWithASortedMap) {
  const std::uint64_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  TimingWheel wheel(kStart);
  std::vector<Timer> timers(300);
  std::vector<std::optional<Instant>> model(timers.size());
  for (std::size_t i = 0; i < timers.size(); ++i) timers[i].id = static_cast<int>(i);
  Instant now = kStart;
  for (int step = 0; step < 20000; ++step) {
    const std::size_t i = random() % timers.size();
    switch (random() % 8) {
      case 0:
        wheel.cancel(timers[i]);
        model[i].reset();
        break;
      case 1: {
        now += Duration(random() % (std::uint64_t{1} << (10 + random() % 30)));
        const Instant due_for_sure = now - TimingWheel::kTick;
        Instant last_seen{};
        wheel.advance(now, [&](TimerEntry& entry) {
          const auto id = static_cast<std::size_t>(static_cast<Timer&>(entry).id);
          ASSERT_TRUE(model[id].has_value());
          ASSERT_LE(*model[id], now) << "early";
          ASSERT_LE(last_seen - TimingWheel::kTick, *model[id]) << "out of order";
          last_seen = *model[id];
          model[id].reset();
        });
        for (const auto& deadline : model) ASSERT_TRUE(!deadline || *deadline > due_for_sure) << "late";
        break;
      }
      default:
        model[i] = now + Duration(random() % (std::uint64_t{1} << (10 + random() % 35)));
        wheel.arm(timers[i], *model[i]);
    }
    ASSERT_EQ(timers[i].is_armed(), model[i].has_value());
    Instant first = Instant::max();
    for (const auto& deadline : model)
      if (deadline) first = std::min(first, *deadline);
    if (first != Instant::max()) {
      ASSERT_LE(wheel.next_tick_or_max(), std::max(first, now) + TimingWheel::kTick);
    }
  }
}

}  // namespace
}  // namespace rampart::base
