// The bounds of sharing, each reached against a real Redis, with its counter; and that answers on their way survive the
// loss of a connection. How instances share in fair weather is shown by the end-to-end tests.
#include "storage/shared_state.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>

#include "tests/support/dns_messages.h"
#include "tests/support/eventually.h"
#include "tests/support/redis_server.h"

namespace rampart::storage {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test_support::RedisServer;

constexpr dns::RrType kType = dns::RrType::kA;

testing::Bytes response_for(const std::string& name, std::size_t padding = 0) {
  testing::Bytes rdata(4 + padding);
  return testing::MessageBuilder().flags(0x8180).question(name, kType).answer(testing::record(name, kType, 300, rdata)).build();
}

class SharedStateTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(RedisServer::is_installed()) << "Redis is not installed: apt-get install redis-server"; }

  // Nothing listens there while the server is not started.
  SharedState& open(std::size_t workers = 1) {
    SharedStateHooks hooks;
    hooks.take_over = [this](const SharedKey&, base::ByteView, std::uint32_t) {
      ++taken_over_;
      return TakeOver::kStored;
    };
    hooks.adopt_blocking = [](const BlockingChange&) { return base::Status(base::Done{}); };
    shared_ = std::make_unique<SharedState>(server_.options(), std::move(hooks), workers);
    return *shared_;
  }
  SharedState& join() {
    server_.start();
    auto& shared = open();
    EXPECT_TRUE(shared.start().ok());
    EXPECT_TRUE(becomes([](const RedisStatus& s) { return s.state == RedisState::kUp; }));
    return shared;
  }
  [[nodiscard]] bool becomes(const std::function<bool(const RedisStatus&)>& condition, seconds most = seconds(15)) {
    return test_support::eventually(most, [&] { return condition(shared_->status()); });
  }
  // Waits for room in the ring: only the bounds behind it are to be reached.
  void push(const std::string& name, std::uint32_t ttl = 300, std::size_t padding = 0) {
    const auto end = base::monotonic_now() + seconds(5);
    while (!shared_->ring(0).push(kType, ttl, response_for(name, padding))) {
      ASSERT_LT(base::monotonic_now(), end) << "the ring is never emptied";
      std::this_thread::sleep_for(milliseconds(5));
    }
  }
  [[nodiscard]] bool has_stored(const std::string& name) const {
    return server_.command({"EXISTS", std::string("blocky:cache:\0\1", 15) + name}).integer == 1;
  }
  void publish(const std::string& payload) const { server_.command({"PUBLISH", std::string(kRedisCacheChannel), payload}); }

  RedisServer server_;
  std::atomic<int> taken_over_{0};
  std::unique_ptr<SharedState> shared_;
};

TEST_F(SharedStateTest, AFullRingRefusesAndCounts) {
  auto& shared = open();  // not started: nobody empties the ring
  const auto answer = response_for("www.example.org", 1000);
  std::size_t pushed = 0;
  while (shared.ring(0).push(kType, 300, answer)) ++pushed;
  EXPECT_GT(pushed, CacheExportRing::kBytes / answer.size() * 9 / 10);
  EXPECT_LE(pushed * answer.size(), CacheExportRing::kBytes);
  EXPECT_EQ(shared.status().dropped_ring_full, 1u);
}

TEST_F(SharedStateTest, WhileRedisIsAwayTheNewestAnswersWaitAndTheOldestAreDropped) {
  auto& shared = open();
  ASSERT_TRUE(shared.start().ok());
  constexpr std::size_t kTooMany = 200;
  for (std::size_t i = 0; i < SharedState::kQueueMax + kTooMany; ++i) push("n" + std::to_string(i) + ".example.org");
  EXPECT_TRUE(becomes([](const RedisStatus& s) { return s.queued == SharedState::kQueueMax && s.dropped_queue_full == kTooMany; }));
  server_.start();
  EXPECT_TRUE(becomes([](const RedisStatus& s) { return s.published == SharedState::kQueueMax; }));
  EXPECT_FALSE(has_stored("n" + std::to_string(kTooMany - 1) + ".example.org"));
  EXPECT_TRUE(has_stored("n" + std::to_string(kTooMany) + ".example.org"));
  EXPECT_TRUE(has_stored("n" + std::to_string(SharedState::kQueueMax + kTooMany - 1) + ".example.org"));
}

TEST_F(SharedStateTest, TheQueueIsBoundedInOctetsToo) {
  auto& shared = open();
  ASSERT_TRUE(shared.start().ok());
  constexpr std::size_t kPadding = 60'000, kCount = SharedState::kQueueBytesMax / kPadding + 20;
  for (std::size_t i = 0; i < kCount; ++i) push("n" + std::to_string(i) + ".example.org", 300, kPadding);
  EXPECT_TRUE(becomes([](const RedisStatus& s) {
    return s.queued + s.dropped_queue_full == kCount && s.queued <= SharedState::kQueueBytesMax / kPadding && s.queued > 100;
  }));
}

TEST_F(SharedStateTest, WhatHasExpiredInTheQueueIsNotSent) {
  auto& shared = open();
  ASSERT_TRUE(shared.start().ok());
  push("short.example.org", 1);
  push("long.example.org", 300);
  std::this_thread::sleep_for(milliseconds(1300));  // the short one's lifetime, from when it was queued at the latest
  server_.start();
  EXPECT_TRUE(becomes([](const RedisStatus& s) { return s.dropped_expired == 1 && s.published == 1; }));
  EXPECT_FALSE(has_stored("short.example.org"));
  EXPECT_TRUE(has_stored("long.example.org"));
}

TEST_F(SharedStateTest, AHungRedisGetsABoundedNumberOfCommandsAndTheRestIsDroppedAndCounted) {
  auto& shared = join();
  server_.pause();
  constexpr std::size_t kCount = 12'000;
  for (std::size_t i = 0; i < kCount; ++i) push("n" + std::to_string(i) + ".example.org");
  EXPECT_TRUE(becomes([](const RedisStatus& s) { return s.state == RedisState::kDown && s.queued == SharedState::kQueueMax; }));
  server_.resume();
  ASSERT_TRUE(becomes([](const RedisStatus& s) { return s.state == RedisState::kUp && s.queued == 0; }));
  EXPECT_TRUE(becomes([](const RedisStatus& s) { return s.published == SharedState::kQueueMax; }));
  EXPECT_EQ(shared.status().dropped_queue_full, kCount - SharedState::kQueueMax) << "each answer was sent, or counted";
}

TEST_F(SharedStateTest, AnswersOnTheirWayWhenTheConnectionIsLostAreSentAgain) {
  join();
  server_.pause();
  for (int i = 0; i < 300; ++i) push("n" + std::to_string(i) + ".example.org");
  // Sent, and in the kernel's buffers of a Redis that will never read them.
  ASSERT_TRUE(becomes([](const RedisStatus& s) { return s.state == RedisState::kDown && s.queued == 300; }));
  server_.kill();
  server_.start();
  EXPECT_TRUE(becomes([](const RedisStatus& s) { return s.published == 300; }));
  EXPECT_TRUE(has_stored("n0.example.org"));
  EXPECT_TRUE(has_stored("n299.example.org"));
  EXPECT_EQ(shared_->status().dropped_queue_full, 0u);
}

TEST_F(SharedStateTest, LookupsOfOthersAnswersAreBounded) {
  join();
  // All messages come while Redis answers none of our questions for a lifetime.
  std::string text;
  for (int i = 0; i < 1000; ++i) append_cache_entry(text, std::string("\0\1x.example.org", 15), response_for("x.example.org"));
  finish_cache_message(text, "b0f2a2ae-6a3e-4a66-8f20-0a4c1d8e9b11");
  std::vector<RedisServer::Command> commands{{"SET", std::string("blocky:cache:\0\1x.example.org", 28), "x", "EX", "60"}, {"MULTI"},
                                             {"CLIENT", "PAUSE", "700", "ALL"}};
  for (int i = 0; i < 10; ++i) commands.push_back({"PUBLISH", std::string(kRedisCacheChannel), text});
  commands.push_back({"EXEC"});
  server_.command_all(commands);
  ASSERT_TRUE(becomes([](const RedisStatus& s) {
    return s.taken_over[static_cast<std::size_t>(TakeOver::kStored)] + s.dropped_lookups_full == 10'000;
  }));
  EXPECT_EQ(taken_over_, static_cast<int>(SharedState::kLookupsMax));
}

TEST_F(SharedStateTest, OversizeAndTruncatedMessagesAreDroppedAndCounted) {
  join();
  std::string text;
  for (std::size_t i = 0; i <= CacheMessage::kEntriesMax; ++i) append_cache_entry(text, std::string("\0\1x", 3), response_for("x"));
  finish_cache_message(text, "stranger");
  publish(text);  // one entry too many
  publish(text.substr(0, text.size() / 2));
  std::string large;
  append_cache_entry(large, std::string("\0\1x", 3), std::vector<std::uint8_t>(dns::kMessageBytesMax + 1));
  append_cache_entry(large, std::string(5000, 'k'), response_for("x"));
  finish_cache_message(large, "stranger");
  publish(large);
  EXPECT_TRUE(becomes([](const RedisStatus& s) { return s.bad_messages == 2 && s.bad_entries == 2; }));
  EXPECT_EQ(taken_over_, 0);
  EXPECT_EQ(shared_->status().failures, 0u) << "none of it costs the connection";
}

TEST_F(SharedStateTest, AMessageBeyondTheReplyBoundCostsTheConnectionAndNoMemory) {
  join();
  publish(std::string(RedisReplyReader::kReplyBytesMax + 1, 'x'));
  EXPECT_TRUE(becomes([](const RedisStatus& s) { return s.failures == 1 && s.state == RedisState::kUp && s.connects == 2; }));
  EXPECT_NE(shared_->status().last_error.find("a reply of more than"), std::string::npos) << shared_->status().last_error;
}

TEST_F(SharedStateTest, AWarmStartEndsAtItsBoundAndSaysSo) {
  server_.start();
  server_.command({"EVAL", "for i = 1, tonumber(ARGV[1]) do redis.call('SET', 'blocky:cache:\\0\\1n' .. i, '', 'EX', 600) end return 1",
                   "0", std::to_string(SharedState::kWarmKeysMax + 2000)});
  auto& shared = open();
  ASSERT_TRUE(shared.start().ok());
  EXPECT_TRUE(becomes([](const RedisStatus& s) { return s.warm_cut_short == 1; }, seconds(20)));
  EXPECT_LE(taken_over_, static_cast<int>(SharedState::kWarmKeysMax));
  EXPECT_EQ(shared.status().state, RedisState::kUp);
}

TEST_F(SharedStateTest, AUnixSocketIsAsGoodAsAPort) {
  server_.start();
  auto options = server_.options();
  options.server = {{}, 0, server_.socket_path()};
  SharedState shared(options, {[](const SharedKey&, base::ByteView, std::uint32_t) { return TakeOver::kStored; },
                               [](const BlockingChange&) { return base::Status(base::Done{}); }}, 1);
  ASSERT_TRUE(shared.start().ok());
  EXPECT_EQ(shared.status().state, RedisState::kUp);
  EXPECT_EQ(shared.status().server, server_.socket_path());
}

}  // namespace
}  // namespace rampart::storage
