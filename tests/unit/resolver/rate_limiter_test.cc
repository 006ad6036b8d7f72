#include "resolver/rate_limiter.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace rampart::resolver {
namespace {

using base::IpAddress;
using base::IpRange;
using std::chrono::milliseconds;
using std::chrono::seconds;

const base::Instant kStart{std::chrono::hours(1)};

IpAddress ip(const char* text) { return IpAddress::parse(text).value(); }
IpRange range(const char* text) { return IpRange::parse(text).value(); }

/// How many of `n` queries at one moment are admitted.
int admitted(RateLimiter& limiter, const char* client, base::Instant now, int n) {
  int count = 0;
  for (int i = 0; i < n; ++i) count += limiter.admit(ip(client), now) == RateDecision::kAdmit;
  return count;
}

TEST(RateLimiter, StartsFullAndRefillsAtTheRateUpToTheBurst) {
  RateLimiter limiter({.rate = 10, .burst = 15}, {});
  EXPECT_EQ(admitted(limiter, "192.0.2.1", kStart, 100), 15);
  EXPECT_EQ(admitted(limiter, "192.0.2.1", kStart + milliseconds(99), 100), 0);
  EXPECT_EQ(admitted(limiter, "192.0.2.1", kStart + milliseconds(100), 100), 1);
  EXPECT_EQ(admitted(limiter, "192.0.2.1", kStart + milliseconds(600), 100), 5);
  EXPECT_EQ(admitted(limiter, "192.0.2.1", kStart + seconds(100), 100), 15);
}

TEST(RateLimiter, BurstDefaultsToTwiceTheRate) {
  RateLimiter limiter({.rate = 7}, {});
  EXPECT_EQ(admitted(limiter, "192.0.2.1", kStart, 100), 14);
}

TEST(RateLimiter, RateOneBurstOneDropsTheSecondQuery) {
  RateLimiter limiter({.rate = 1, .burst = 1}, {});
  EXPECT_EQ(limiter.admit(ip("192.0.2.1"), kStart), RateDecision::kAdmit);
  EXPECT_EQ(limiter.admit(ip("192.0.2.1"), kStart), RateDecision::kDropAndReport);
  EXPECT_EQ(limiter.admit(ip("192.0.2.1"), kStart + seconds(1)), RateDecision::kAdmit);
}

TEST(RateLimiter, ClientsDoNotShareTokensButTheirNetworksDo) {
  RateLimiter limiter({.rate = 1, .burst = 2, .ipv4_prefix = 24, .ipv6_prefix = 64}, {});
  EXPECT_EQ(admitted(limiter, "192.0.2.1", kStart, 5), 2);
  EXPECT_EQ(admitted(limiter, "192.0.2.255", kStart, 5), 0) << "same /24";
  EXPECT_EQ(admitted(limiter, "192.0.3.1", kStart, 5), 2);
  EXPECT_EQ(admitted(limiter, "::ffff:192.0.3.2", kStart, 5), 0) << "IPv4-mapped is IPv4";
  EXPECT_EQ(admitted(limiter, "2001:db8::1", kStart, 5), 2);
  EXPECT_EQ(admitted(limiter, "2001:db8::ffff:1", kStart, 5), 0) << "same /64";
  EXPECT_EQ(admitted(limiter, "2001:db8:0:1::1", kStart, 5), 2);
}

TEST(RateLimiter, PrefixZeroMakesOneBucketOfAFamily) {
  RateLimiter limiter({.rate = 1, .burst = 2, .ipv4_prefix = 0, .ipv6_prefix = 0}, {});
  EXPECT_EQ(admitted(limiter, "192.0.2.1", kStart, 5), 2);
  EXPECT_EQ(admitted(limiter, "198.51.100.1", kStart, 5), 0);
  EXPECT_EQ(admitted(limiter, "2001:db8::1", kStart, 5), 2);
}

TEST(RateLimiter, AllowlistedAndUnknownClientsAreNeverLimited) {
  RateLimiter limiter({.rate = 1, .burst = 1, .allowlist = {range("192.0.2.0/24"), range("2001:db8::7"), range("::/0")}}, {});
  EXPECT_EQ(admitted(limiter, "192.0.2.77", kStart, 50), 50);
  EXPECT_EQ(admitted(limiter, "2001:db8::7", kStart, 50), 50);
  EXPECT_EQ(admitted(limiter, "192.0.3.77", kStart, 50), 1) << "::/0 is IPv6 only";
  EXPECT_EQ(admitted(limiter, "::", kStart, 50), 50);
  EXPECT_EQ(limiter.active_buckets(kStart), 1u);
}

TEST(RateLimiter, ReportsOneDropOfAClientInASecondAndItsTokens) {
  RateLimiter limiter({.rate = 1, .burst = 2}, {});
  EXPECT_EQ(limiter.tokens(ip("192.0.2.1"), kStart), 2u);
  ASSERT_EQ(admitted(limiter, "192.0.2.1", kStart, 1), 1);
  EXPECT_EQ(limiter.tokens(ip("192.0.2.1"), kStart), 1u);
  ASSERT_EQ(admitted(limiter, "192.0.2.1", kStart, 1), 1);
  EXPECT_EQ(limiter.tokens(ip("192.0.2.1"), kStart), 0u);
  EXPECT_EQ(limiter.admit(ip("192.0.2.1"), kStart), RateDecision::kDropAndReport);
  EXPECT_EQ(limiter.admit(ip("192.0.2.1"), kStart + milliseconds(500)), RateDecision::kDrop);
  EXPECT_EQ(admitted(limiter, "192.0.2.1", kStart + seconds(1), 1), 1);
  EXPECT_EQ(limiter.admit(ip("192.0.2.1"), kStart + seconds(1)), RateDecision::kDropAndReport);
}

TEST(RateLimiter, FullTableDropsNewClientsCountsThemAndRecoversByItself) {
  RateLimiter limiter({.rate = 1, .burst = 1, .ipv6_prefix = 128}, {});
  int admitted_early = 0, no_room = 0;
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    const RateDecision decision = limiter.admit(IpAddress::v4(0x0a000000 + i), kStart);
    if (decision == RateDecision::kDropNoRoom) ++no_room;
    else ASSERT_EQ(decision, RateDecision::kAdmit);
    if (i < RateLimiter::kClientsMax) admitted_early += decision == RateDecision::kAdmit;
  }
  EXPECT_GT(admitted_early, static_cast<int>(RateLimiter::kClientsMax) - 20);
  EXPECT_LE(limiter.active_buckets(kStart), 2 * RateLimiter::kClientsMax);
  EXPECT_GT(no_room, 60'000);
  EXPECT_EQ(limiter.no_room(), static_cast<std::uint64_t>(no_room));
  EXPECT_EQ(admitted(limiter, "10.0.0.0", kStart, 1), 0) << "known clients keep their bucket";
  EXPECT_EQ(limiter.active_buckets(kStart + seconds(1)), 0u);
  EXPECT_EQ(admitted(limiter, "198.51.100.1", kStart + seconds(1), 1), 1);
}

TEST(RateLimiter, ThreadsTogetherGetNoMoreThanTheBurst) {
  RateLimiter limiter({.rate = 1, .burst = 1000}, {});
  EXPECT_EQ(admitted(limiter, "192.0.2.1", kStart, 1), 1);  // so that the place exists
  std::vector<int> counts(4);
  {
    std::vector<std::jthread> threads;
    for (int& count : counts) threads.emplace_back([&] { count = admitted(limiter, "192.0.2.1", kStart, 5000); });
  }
  EXPECT_EQ(counts[0] + counts[1] + counts[2] + counts[3], 999);
}

}  // namespace
}  // namespace rampart::resolver
