#include "base/spsc_byte_ring.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace rampart::base {
namespace {

bool push(SpscByteRing& ring, std::string_view text) {
  std::uint8_t* room = ring.reserve(text.size());
  if (room == nullptr) return false;
  std::memcpy(room, text.data(), text.size());
  ring.commit();
  return true;
}

std::vector<std::string> take(SpscByteRing& ring, std::size_t most = SIZE_MAX) {
  std::vector<std::string> out;
  ring.consume([&](ByteView record) { out.emplace_back(as_text(record)); }, most);
  return out;
}

TEST(SpscByteRing, GivesRecordsBackInOrderAndWhole) {
  SpscByteRing ring(4096);
  EXPECT_TRUE(push(ring, "a"));
  EXPECT_TRUE(push(ring, ""));
  EXPECT_TRUE(push(ring, "third record"));
  EXPECT_EQ(take(ring, 2), (std::vector<std::string>{"a", ""}));
  EXPECT_EQ(take(ring), std::vector<std::string>{"third record"});
  EXPECT_TRUE(take(ring).empty());
  EXPECT_EQ(ring.used(), 0u);
}

TEST(SpscByteRing, RefusesAndCountsWhenFullAndRecoversWhenRead) {
  SpscByteRing ring(4096);
  const std::string record(100, 'x');
  std::size_t fitted = 0;
  while (push(ring, record)) ++fitted;
  EXPECT_EQ(fitted, 4096u / 112);
  EXPECT_EQ(ring.refused(), 1u);
  EXPECT_EQ(ring.pushed(), fitted);
  EXPECT_EQ(take(ring).size(), fitted);
  EXPECT_TRUE(push(ring, record));
}

TEST(SpscByteRing, TakesALargeRecordWhereverTheHeadStands) {
  for (std::size_t behind = 0; behind < 4096 / 16; ++behind) {
    SpscByteRing ring(4096);
    const std::string large(ring.record_bytes_max() - 16, 'y');
    for (std::size_t i = 0; i <= behind; ++i) {
      if (i > 0) {
        ASSERT_EQ(take(ring, i > 1 ? 1 : 0).size(), i > 1 ? 1u : 0u);
      }
      ASSERT_TRUE(push(ring, "12345678"));  // moves the head by 16 octets; one or two of them always wait
    }
    if (behind > 0) {
      ASSERT_EQ(take(ring, 1).size(), 1u);
    }
    ASSERT_TRUE(push(ring, large)) << behind;
    ASSERT_EQ(take(ring), (std::vector<std::string>{"12345678", large})) << behind;
    EXPECT_TRUE(push(ring, std::string(ring.record_bytes_max(), 'z')));
    EXPECT_FALSE(push(ring, std::string(ring.record_bytes_max() + 1, 'z')));
  }
}

TEST(SpscByteRing, AConsumerThatKeepsUpIsGivenTheSameMemoryAgain) {
  SpscByteRing ring(4096);
  const std::uint8_t* const front = ring.reserve(100);
  ring.commit();
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(push(ring, "behind it"));
    ASSERT_EQ(take(ring).size(), 2u);
    ASSERT_EQ(ring.reserve(100), front);
    ring.commit();
  }
  ASSERT_EQ(take(ring, 1).size(), 1u);
  ASSERT_TRUE(push(ring, "waits"));
  EXPECT_NE(ring.reserve(100), front);
  EXPECT_EQ(take(ring), std::vector<std::string>{"waits"});
}

TEST(SpscByteRing, ReservationWithoutCommitIsInvisible) {
  SpscByteRing ring(4096);
  EXPECT_NE(ring.reserve(10), nullptr);
  EXPECT_TRUE(take(ring).empty());
  EXPECT_TRUE(push(ring, "real"));
  EXPECT_EQ(take(ring), std::vector<std::string>{"real"});
}

TEST(SpscByteRing, TwoThreadsLoseNothingThatWasAccepted) {
  SpscByteRing ring(1 << 14);
  constexpr std::uint32_t kRecords = 200000;
  std::uint64_t accepted = 0;
  std::atomic<bool> done{false};
  std::thread producer([&] {
    for (std::uint32_t i = 0; i < kRecords; ++i) {
      const std::size_t length = 4 + i % 211;
      std::uint8_t* room = ring.reserve(length);
      if (room == nullptr) continue;
      std::memset(room, static_cast<int>(i & 0xff), length);
      store_u32(room, i);
      ring.commit();
      ++accepted;
    }
    done = true;
  });
  std::uint64_t seen = 0;
  std::int64_t last = -1;
  bool damaged = false;
  const auto visit = [&](ByteView record) {
    const std::uint32_t i = load_u32(record.data());
    damaged |= static_cast<std::int64_t>(i) <= last || record.size() != 4 + i % 211;
    for (std::size_t at = 4; at < record.size(); ++at) damaged |= record[at] != (i & 0xff);
    last = i;
    ++seen;
  };
  while (!done.load()) ring.consume(visit);
  ring.consume(visit);
  producer.join();
  EXPECT_FALSE(damaged);
  EXPECT_EQ(seen, accepted);
  EXPECT_EQ(accepted + ring.refused(), kRecords);
  EXPECT_EQ(ring.pushed(), accepted);
}

}  // namespace
}  // namespace rampart::base
