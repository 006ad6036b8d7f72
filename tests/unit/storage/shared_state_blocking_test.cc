// The shared switch while the clock of one instance is ahead, and after it has been set right; with a real Redis.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "storage/shared_state.h"
#include "tests/support/eventually.h"
#include "tests/support/redis_server.h"

namespace rampart::storage {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using test_support::eventually;
using test_support::RedisServer;

/// Ours of several instances, with a clock that is off.
class Instance {
 public:
  Instance(const RedisServer& server, seconds off) : off_(off) {
    SharedStateHooks hooks;
    hooks.take_over = [](const SharedKey&, base::ByteView, std::uint32_t) { return TakeOver::kStored; };
    hooks.adopt_blocking = [this](const BlockingChange& change) {
      blocks_ = change.enabled;
      left_ = change.duration;
      return base::Status(base::Done{});
    };
    hooks.wall_now = [this] { return base::wall_now() + off_.load(); };
    shared_ = std::make_unique<SharedState>(server.options(), std::move(hooks), 1);
    EXPECT_TRUE(shared_->start().ok());
    EXPECT_EQ(shared_->status().state, RedisState::kUp);
  }

  void set_blocking(bool on, seconds duration = seconds(0)) {
    blocks_ = on;
    shared_->announce({on, duration, {}});
  }
  void set_clock(seconds off) { off_ = off; }
  [[nodiscard]] bool blocks() const { return blocks_; }
  [[nodiscard]] milliseconds left() const { return left_; }
  [[nodiscard]] RedisStatus status() const { return shared_->status(); }

 private:
  std::atomic<seconds> off_;
  std::atomic<bool> blocks_{true};
  std::atomic<milliseconds> left_{milliseconds(0)};
  std::unique_ptr<SharedState> shared_;
};

class SharedSwitchTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(RedisServer::is_installed()) << "Redis is not installed: apt-get install redis-server";
    server_.start();
  }
  [[nodiscard]] std::string stored() const { return server_.command({"GET", std::string(kRedisBlockingKey)}).text; }
  RedisServer server_;
};

TEST_F(SharedSwitchTest, AChangeOfAClockThatWasAheadGivesWayToALaterOne) {
  Instance fast(server_, hours(1)), right(server_, seconds(0));
  fast.set_blocking(false);
  ASSERT_TRUE(eventually([&] { return right.status().blocking_rejected > 0; }));
  EXPECT_TRUE(right.blocks());
  right.set_blocking(true);
  right.set_blocking(false, seconds(600));
  right.set_blocking(true);
  ASSERT_TRUE(eventually([&] { return fast.status().blocking_stale >= 3; }));
  EXPECT_FALSE(fast.blocks());
  fast.set_clock(seconds(0));
  EXPECT_TRUE(eventually([&] { return fast.blocks(); })) << "the clock is right, but its change still wins";
  right.set_blocking(false);
  EXPECT_TRUE(eventually([&] { return !fast.blocks(); }));
  fast.set_blocking(true);
  EXPECT_TRUE(eventually([&] { return right.blocks(); }));
}

TEST_F(SharedSwitchTest, AChangeOfAClockThatWasAheadIsFollowedOnceItIsRight) {
  Instance fast(server_, hours(1)), right(server_, seconds(0));
  fast.set_blocking(false, minutes(10));
  ASSERT_TRUE(eventually([&] { return right.status().blocking_rejected > 0; }));
  fast.set_clock(seconds(0));
  EXPECT_TRUE(eventually([&] { return !right.blocks(); }));
  EXPECT_LE(right.left(), minutes(10));
  EXPECT_GT(right.left(), minutes(9));
}

TEST_F(SharedSwitchTest, AStoredChangeOfTheFutureIsWrittenOver) {
  {
    Instance fast(server_, hours(1));
    fast.set_blocking(false);
    ASSERT_TRUE(eventually([&] { return !stored().empty(); }));
  }
  const std::string of_the_future = stored();
  Instance right(server_, seconds(0));
  ASSERT_TRUE(eventually([&] { return right.status().blocking_rejected > 0; }));
  EXPECT_EQ(stored(), of_the_future) << "who has no state of its own has nothing better";
  right.set_blocking(true);
  Instance late(server_, seconds(0));
  EXPECT_TRUE(eventually([&] { return late.status().blocking_adopted > 0; }));
  EXPECT_TRUE(late.blocks());
  // As it was before: put back behind our back, it does not stay.
  server_.command({"SET", std::string(kRedisBlockingKey), of_the_future});
  EXPECT_TRUE(eventually([&] { return stored() != of_the_future; }));
}

TEST_F(SharedSwitchTest, BlockysChangeWinsOverOneOfAClockThatWasAhead) {
  Instance fast(server_, hours(1));
  fast.set_blocking(false);
  ASSERT_TRUE(eventually([&] { return !stored().empty(); }));
  fast.set_clock(seconds(0));
  server_.command({"PUBLISH", std::string(kRedisBlockingChannel),
                   to_json({true, {}, {}, "b0f2a2ae-6a3e-4a66-8f20-0a4c1d8e9b11"})});
  EXPECT_TRUE(eventually([&] { return fast.blocks(); }));
  EXPECT_EQ(fast.status().blocking_rejected, 0u);
}

}  // namespace
}  // namespace rampart::storage
