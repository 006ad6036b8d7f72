#include "resolver/cache.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <cmath>
#include <random>
#include <string>

#include "tests/support/cache_world.h"

namespace rampart::resolver {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::CacheMessage;
using test::kCacheStart;
using test::make_cache_message;
using test::OwnedKey;
using test::read_proof;

constexpr std::size_t kMiB = std::size_t{1} << 20;

struct World {
  explicit World(CacheOptions options = {}) : cache(options) {}

  bool put(const OwnedKey& key, std::uint32_t ttl, InsertFlags flags = {}, std::uint64_t proof = 7) {
    const CacheMessage m = make_cache_message(key, proof, ttl, 1, 8);
    return cache.insert(key.view(), m.wire, m.ttl_offsets, ttl, now, flags);
  }
  bool get(const OwnedKey& key, LookupMode mode = LookupMode::kFreshOnly) {
    hit = {};
    return cache.lookup(key.view(), now, out, hit, mode);
  }
  [[nodiscard]] std::uint32_t ttl_at(std::size_t at) const { return base::load_u32(out.data() + at); }

  Cache cache;
  base::Instant now = kCacheStart;
  std::array<std::uint8_t, 65535> out{};
  CacheHit hit;
};

TEST(Cache, ReturnsTheMessageWithEveryTtlAged) {
  World w;
  const OwnedKey key("www.example.org");
  const CacheMessage m = make_cache_message(key, 7, 300, 3, 16, dns::Rcode::kNxDomain);
  EXPECT_FALSE(w.get(key));
  ASSERT_TRUE(w.cache.insert(key.view(), m.wire, m.ttl_offsets, 200, w.now));
  w.now += milliseconds(50'999);
  ASSERT_TRUE(w.get(key));
  EXPECT_EQ(w.hit.length, m.wire.size());
  EXPECT_EQ(w.hit.rcode, dns::Rcode::kNxDomain);
  EXPECT_EQ(w.hit.min_ttl, 150u);
  EXPECT_FALSE(w.hit.is_stale);
  EXPECT_FALSE(w.hit.was_prefetched);
  for (std::uint32_t r = 0; r < 3; ++r) EXPECT_EQ(w.ttl_at(m.ttl_offsets[r]), 250 + r);
  EXPECT_EQ(read_proof(key, base::ByteView(w.out).first(w.hit.length)), 7u);
}

TEST(Cache, TtlsSmallerThanTheAgeBecomeZeroAndThoseWithTheTopBitCountAsZero) {
  World w;
  const OwnedKey key("example.org");
  CacheMessage m = make_cache_message(key, 7, 10, 2);
  base::store_u32(m.wire.data() + m.ttl_offsets[1], 0x80000005);
  ASSERT_TRUE(w.cache.insert(key.view(), m.wire, m.ttl_offsets, 100, w.now));
  w.now += seconds(20);
  ASSERT_TRUE(w.get(key));
  EXPECT_EQ(w.ttl_at(m.ttl_offsets[0]), 0u);
  EXPECT_EQ(w.ttl_at(m.ttl_offsets[1]), 0u);
}

TEST(Cache, StoresTheQuestionLowerCased) {
  World w;
  const OwnedKey key("www.example.org");
  CacheMessage m = make_cache_message(key, 7);
  m.wire[13] = 'W';
  m.wire[18] = 'X';
  ASSERT_TRUE(w.cache.insert(key.view(), m.wire, m.ttl_offsets, 60, w.now));
  ASSERT_TRUE(w.get(key));
  EXPECT_EQ(std::memcmp(w.out.data() + 12, key.name().wire.data(), key.name().length), 0);
}

TEST(Cache, EveryFieldOfTheKeyCounts) {
  World w;
  const OwnedKey keys[] = {OwnedKey("example.org"),
                           OwnedKey("example.com"),
                           OwnedKey("a.example.org"),
                           OwnedKey("example.org", dns::RrType::kAaaa),
                           OwnedKey("example.org", dns::RrType::kA, 1),
                           OwnedKey("example.org", dns::RrType::kA, 0, true),
                           OwnedKey("example.org", dns::RrType::kA, 0, false, true),
                           OwnedKey(".")};
  std::uint64_t proof = 0;
  for (const OwnedKey& key : keys) {
    EXPECT_FALSE(w.get(key)) << proof;
    ASSERT_TRUE(w.put(key, 60, {}, ++proof));
  }
  proof = 0;
  for (const OwnedKey& key : keys) {
    ASSERT_TRUE(w.get(key));
    EXPECT_EQ(read_proof(key, base::ByteView(w.out).first(w.hit.length)), ++proof);
  }
}

TEST(Cache, KeysWithOneHashAreStillToldApart) {
  World w;
  const OwnedKey a("a.example.org"), b("b.example.org");
  const CacheKeyView forged{b.name(), dns::RrType::kA, 0, false, false, a.view().hash};
  ASSERT_TRUE(w.put(a, 60));
  EXPECT_FALSE(w.cache.lookup(forged, w.now, w.out, w.hit));
  EXPECT_FALSE(w.cache.erase(forged));
  const CacheMessage m = make_cache_message(b, 9, 60, 1, 8);
  ASSERT_TRUE(w.cache.insert(forged, m.wire, m.ttl_offsets, 60, w.now));
  ASSERT_TRUE(w.get(a));
  EXPECT_EQ(read_proof(a, base::ByteView(w.out).first(w.hit.length)), 7u);
  ASSERT_TRUE(w.cache.lookup(forged, w.now, w.out, w.hit));
  EXPECT_EQ(read_proof(b, base::ByteView(w.out).first(w.hit.length)), 9u);
}

TEST(Cache, AnswersUntilTheTtlIsOverAndNotLonger) {
  World w;
  const OwnedKey key("example.org");
  ASSERT_TRUE(w.put(key, 60));
  w.now = kCacheStart + milliseconds(59'999);
  ASSERT_TRUE(w.get(key));
  EXPECT_EQ(w.hit.min_ttl, 1u);
  w.now = kCacheStart + seconds(60);
  EXPECT_FALSE(w.get(key));
  EXPECT_FALSE(w.get(key, LookupMode::kStaleToo)) << "stale_max is 0";
}

TEST(Cache, ClockOfAnotherThreadMayBeBehind) {
  World w;
  const OwnedKey key("example.org");
  ASSERT_TRUE(w.put(key, 60));
  w.now -= milliseconds(3);
  ASSERT_TRUE(w.get(key));
  EXPECT_EQ(w.hit.min_ttl, 60u);
}

TEST(Cache, ServesStaleOnlyWhenAskedAndOnlyForSoLong) {
  World w({.stale_max = seconds(100), .stale_answer_ttl = 30});
  const OwnedKey key("example.org");
  const CacheMessage m = make_cache_message(key, 7, 60, 2, 8);
  ASSERT_TRUE(w.cache.insert(key.view(), m.wire, m.ttl_offsets, 60, w.now));
  w.now += seconds(159);
  EXPECT_FALSE(w.get(key));
  ASSERT_TRUE(w.get(key, LookupMode::kStaleToo));
  EXPECT_TRUE(w.hit.is_stale);
  EXPECT_EQ(w.hit.min_ttl, 30u);
  for (const std::uint16_t at : m.ttl_offsets) EXPECT_EQ(w.ttl_at(at), 30u);
  w.now += seconds(1);
  EXPECT_FALSE(w.get(key, LookupMode::kStaleToo));
}

TEST(Cache, RefusesWhatItCannotVouchFor) {
  World w;
  const OwnedKey key("www.example.org");
  const CacheMessage good = make_cache_message(key, 7);
  const auto try_insert = [&](std::vector<std::uint8_t> wire, std::vector<std::uint16_t> offsets, std::uint32_t ttl) {
    return w.cache.insert(key.view(), wire, offsets, ttl, w.now);
  };
  EXPECT_FALSE(try_insert(good.wire, good.ttl_offsets, 0)) << "TTL 0";
  std::vector<std::uint8_t> wire = good.wire;
  wire[14] = 'x';
  EXPECT_FALSE(try_insert(wire, good.ttl_offsets, 60)) << "another name";
  wire = good.wire;
  wire[12 + key.name().length + 1] = 28;
  EXPECT_FALSE(try_insert(wire, good.ttl_offsets, 60)) << "another type";
  wire = good.wire;
  wire[5] = 0;
  EXPECT_FALSE(try_insert(wire, good.ttl_offsets, 60)) << "no question";
  wire.assign(good.wire.begin(), good.wire.begin() + 12 + key.name().length + 3);
  EXPECT_FALSE(try_insert(wire, {}, 60)) << "cut inside the question";
  EXPECT_FALSE(try_insert({}, {}, 60)) << "empty";
  EXPECT_FALSE(try_insert(good.wire, {static_cast<std::uint16_t>(good.wire.size() - 3)}, 60)) << "TTL behind the end";
  EXPECT_FALSE(try_insert(good.wire, {4}, 60)) << "TTL in the header";
  EXPECT_EQ(w.cache.stats().rejected_mismatch, 7u);
  EXPECT_FALSE(w.get(key));
  EXPECT_TRUE(try_insert(good.wire, good.ttl_offsets, 60));
}

TEST(Cache, LargestMessageFitsIntoAnOrdinaryCacheAndIsCountedWhereItDoesNot) {
  const OwnedKey key("example.org");
  const std::size_t head = make_cache_message(key, 7, 60, 1, 8).wire.size() - 8;
  const CacheMessage m = make_cache_message(key, 7, 60, 1, 65535 - head);
  ASSERT_EQ(m.wire.size(), 65535u);
  World w;
  ASSERT_TRUE(w.cache.insert(key.view(), m.wire, m.ttl_offsets, 60, w.now));
  ASSERT_TRUE(w.get(key));
  EXPECT_EQ(read_proof(key, base::ByteView(w.out).first(w.hit.length)), 7u);

  World small({.memory_bytes = CacheOptions{}.memory_bytes / 512});
  EXPECT_FALSE(small.cache.insert(key.view(), m.wire, m.ttl_offsets, 60, small.now));
  EXPECT_EQ(small.cache.stats().rejected_too_large, 1u);
}

TEST(Cache, SaysHowLongTheMessageIsWhenItDoesNotFitTheBuffer) {
  World w;
  const OwnedKey key("example.org");
  const CacheMessage m = make_cache_message(key, 7, 60, 100, 8);
  ASSERT_TRUE(w.cache.insert(key.view(), m.wire, m.ttl_offsets, 60, w.now));
  std::vector<std::uint8_t> out(512 + 8, 0xee);
  ASSERT_TRUE(w.cache.lookup(key.view(), w.now, base::MutableBytes(out).first(512), w.hit));
  EXPECT_EQ(w.hit.length, m.wire.size());
  EXPECT_EQ(out[512], 0xee) << "nothing is written behind the buffer";
  EXPECT_EQ(std::memcmp(out.data(), m.wire.data(), 512), 0);
  EXPECT_FALSE(w.cache.lookup(key.view(), w.now, base::MutableBytes(out).first(20), w.hit)) << "not even the question";
}

TEST(Cache, ReplacesTheAnswerOfAKey) {
  World w;
  const OwnedKey key("example.org");
  for (std::uint64_t version = 1; version <= 1000; ++version) {
    ASSERT_TRUE(w.put(key, 60, {}, version));
    ASSERT_TRUE(w.get(key));
    ASSERT_EQ(read_proof(key, base::ByteView(w.out).first(w.hit.length)), version);
  }
  const CacheStats stats = w.cache.stats();
  EXPECT_EQ(stats.entries, 1u);
  EXPECT_EQ(stats.insertions, 1000u);
  EXPECT_EQ(stats.replacements, 999u);
  EXPECT_EQ(stats.evictions, 0u);
}

TEST(Cache, EraseAndClearForget) {
  World w;
  const OwnedKey a("a.example.org"), b("b.example.org");
  w.put(a, 60);
  w.put(b, 60);
  EXPECT_TRUE(w.cache.erase(a.view()));
  EXPECT_FALSE(w.cache.erase(a.view()));
  EXPECT_FALSE(w.get(a));
  EXPECT_TRUE(w.get(b));
  EXPECT_EQ(w.cache.stats().entries, 1u);
  w.cache.clear();
  EXPECT_FALSE(w.get(b));
  EXPECT_EQ(w.cache.stats().entries, 0u);
  EXPECT_EQ(w.cache.stats().bytes_used, 0u);
  EXPECT_TRUE(w.put(b, 60));
  EXPECT_TRUE(w.get(b));
}

TEST(Cache, ForEachShowsLivingEntriesWithTheirKeys) {
  World w;
  w.put(OwnedKey("short.example.org"), 10);
  w.put(OwnedKey("long.example.org", dns::RrType::kHttps, 3, true, true), 100, {.prefetched = true}, 42);
  w.now += seconds(20);
  int seen = 0;
  w.cache.for_each(w.now, [&](const CacheEntryView& entry) {
    ++seen;
    EXPECT_EQ(dns::to_text(entry.name), "long.example.org");
    EXPECT_EQ(entry.qtype, dns::RrType::kHttps);
    EXPECT_EQ(entry.cache_group, 3u);
    EXPECT_TRUE(entry.dnssec_ok && entry.checking_disabled && entry.was_prefetched);
    EXPECT_EQ(entry.age, 20u);
    EXPECT_EQ(entry.ttl_left, 80u);
    EXPECT_EQ(read_proof(OwnedKey("long.example.org"), entry.message), 42u);
  });
  EXPECT_EQ(seen, 1);
}

TEST(CachePrefetch, IsWantedOnceInTheLastTenthIfLookupsExceedTheThreshold) {
  World w({.prefetch = true, .prefetch_threshold = 5});
  const OwnedKey key("example.org"), unpopular("www.example.org");
  w.put(key, 100);  // the miss before it is the first lookup
  w.put(unpopular, 100);
  for (int hits = 1; hits <= 5; ++hits) {
    ASSERT_TRUE(w.get(key));
    EXPECT_FALSE(w.hit.wants_prefetch);
  }
  w.now += seconds(89);
  ASSERT_TRUE(w.get(key));
  EXPECT_FALSE(w.hit.wants_prefetch) << "not yet the last tenth";
  w.now += seconds(1);
  ASSERT_TRUE(w.get(key));
  EXPECT_TRUE(w.hit.wants_prefetch);
  ASSERT_TRUE(w.get(key));
  EXPECT_FALSE(w.hit.wants_prefetch) << "claimed";
  ASSERT_TRUE(w.get(unpopular));
  EXPECT_FALSE(w.hit.wants_prefetch);

  w.put(key, 100, {.prefetched = true});
  ASSERT_TRUE(w.get(key));
  EXPECT_TRUE(w.hit.was_prefetched);
  w.now += seconds(95);
  ASSERT_TRUE(w.get(key));
  EXPECT_TRUE(w.hit.wants_prefetch) << "a new life, with the hits of the window";
}

TEST(CachePrefetch, IsNeverWantedWhenOffAndCountsFadeOverTheWindow) {
  const OwnedKey key("example.org");
  World off;
  off.put(key, 1);
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(off.get(key));
    ASSERT_FALSE(off.hit.wants_prefetch);
  }
  World w({.prefetch = true, .prefetch_threshold = 5, .prefetch_window = seconds(7200)});
  w.put(key, 5000);
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(w.get(key));
  w.now += seconds(7200);  // expired; everything that was counted is out of the window
  w.put(key, 100);
  w.now += seconds(95);
  ASSERT_TRUE(w.get(key));
  EXPECT_FALSE(w.hit.wants_prefetch);
}

TEST(CachePrefetch, ThresholdZeroAlwaysWantsAndLargeThresholdsAreSampled) {
  const OwnedKey key("example.org");
  World always({.prefetch = true, .prefetch_threshold = 0});
  always.put(key, 100);
  always.now += seconds(95);
  ASSERT_TRUE(always.get(key));
  EXPECT_TRUE(always.hit.wants_prefetch);

  World w({.prefetch = true, .prefetch_threshold = 1000});
  w.put(key, 100);
  w.now += seconds(90);
  int hits = 0;
  do {
    w.now += std::chrono::nanoseconds(997);
    ASSERT_TRUE(w.get(key));
    ASSERT_LT(++hits, 3000);
  } while (!w.hit.wants_prefetch);
  EXPECT_GT(hits, 400);
}

TEST(CacheBounds, MemoryIsNeverExceededAndWellUsed) {
  constexpr std::size_t kBytes = 2 * kMiB;
  World w({.memory_bytes = kBytes});
  std::size_t most = 0;
  for (int i = 0; i < 100'000; ++i) {
    ASSERT_TRUE(w.put(OwnedKey("n" + std::to_string(i) + ".example.org"), 3600));
    if (i % 1000 == 0) most = std::max(most, w.cache.stats().bytes_used);
  }
  const CacheStats stats = w.cache.stats();
  EXPECT_LE(stats.bytes_max, kBytes);
  EXPECT_LE(most, kBytes);
  EXPECT_GT(stats.bytes_used, kBytes * 7 / 10);
  EXPECT_EQ(stats.entries + stats.evictions, 100'000u);
}

TEST(CacheBounds, ItemsMaxIsHonoured) {
  for (const std::size_t items_max : {1u, 10u, 1000u, 20'000u}) {
    World w({.memory_bytes = 16 * kMiB, .items_max = items_max});
    for (int i = 0; i < 60'000; ++i) {
      const OwnedKey key("n" + std::to_string(i) + ".example.org");
      ASSERT_TRUE(w.put(key, 3600));
      ASSERT_TRUE(w.get(key)) << "the newest is there";
    }
    EXPECT_LE(w.cache.stats().entries, items_max + items_max / 10 + 1);
    EXPECT_GE(w.cache.stats().entries, items_max * 8 / 10);
  }
}

TEST(CacheBounds, ShortLivedAnswersOfFewNamesStayInFewPages) {
  // 200 names, refreshed a thousand times: the ring walks over the same quarter of a MiB.
  World w({.memory_bytes = 64 * kMiB, .shards = 1});
  for (int round = 0; round < 1000; ++round, w.now += seconds(60))
    for (int i = 0; i < 200; ++i) ASSERT_TRUE(w.put(OwnedKey("n" + std::to_string(i) + ".example.org"), 60));
  EXPECT_EQ(w.cache.stats().evictions, 0u);
  EXPECT_LT(w.cache.stats().bytes_touched, kMiB);
}

TEST(CacheBounds, LivingEntriesAreNotEvictedWhileMemoryIsLeft) {
  // 2000 long-lived names amid refreshes of short-lived ones, all in a small part of the memory.
  World w({.memory_bytes = 64 * kMiB, .shards = 1});
  for (int i = 0; i < 2000; ++i) ASSERT_TRUE(w.put(OwnedKey("long" + std::to_string(i) + ".example.org"), 86'400));
  for (int round = 0; round < 500; ++round, w.now += seconds(60))
    for (int i = 0; i < 200; ++i) ASSERT_TRUE(w.put(OwnedKey("n" + std::to_string(i) + ".example.org"), 60));
  int found = 0;
  for (int i = 0; i < 2000; ++i) found += w.get(OwnedKey("long" + std::to_string(i) + ".example.org"));
  EXPECT_GE(found, 1900);
}

// The promise about scans: names that people ask for survive any number of names that nobody asks for twice.
TEST(CacheEviction, ScanOfAMillionRandomNamesDoesNotFlushPopularOnes) {
  World w({.memory_bytes = 4 * kMiB});
  std::mt19937_64 random(7);
  constexpr int kPopular = 5000;
  const auto popular = [&] { return OwnedKey("p" + std::to_string(random() % kPopular) + ".example.org"); };
  const auto hit_ratio = [&](int queries) {
    int hits = 0;
    for (int i = 0; i < queries; ++i) {
      const OwnedKey key = popular();
      if (w.get(key)) ++hits;
      else w.put(key, 86'400);
    }
    return static_cast<double>(hits) / queries;
  };
  hit_ratio(60'000);
  const double before = hit_ratio(20'000);
  EXPECT_GT(before, 0.99);
  // 20 scanned names for each query that somebody means.
  int hits = 0, queries = 0;
  for (int i = 0; i < 1'000'000; ++i) {
    const OwnedKey scanned("s" + std::to_string(i) + ".example.org");
    if (!w.get(scanned)) w.put(scanned, 3600);
    if (i % 20 == 0) {
      const OwnedKey key = popular();
      ++queries;
      if (w.get(key)) ++hits;
      else w.put(key, 86'400);
    }
  }
  EXPECT_GT(static_cast<double>(hits) / queries, 0.98);
  EXPECT_GT(w.cache.stats().evictions, 900'000u);
}

TEST(CacheEviction, NewcomersAskedForTwiceMoveIn) {
  World w({.memory_bytes = kMiB, .shards = 1});
  for (int i = 0; i < 50'000; ++i) w.put(OwnedKey("s" + std::to_string(i) + ".example.org"), 3600);
  const OwnedKey wanted("wanted.example.org"), unwanted("unwanted.example.org");
  w.put(wanted, 3600);
  w.put(unwanted, 3600);
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(w.get(wanted));
  for (int i = 0; i < 50'000; ++i) w.put(OwnedKey("t" + std::to_string(i) + ".example.org"), 3600);
  EXPECT_TRUE(w.get(wanted));
  EXPECT_FALSE(w.get(unwanted));
}

TEST(CacheEviction, WhoReturnsFromTheGhostsMovesIn) {
  World w({.memory_bytes = kMiB, .shards = 1});
  for (int i = 0; i < 50'000; ++i) w.put(OwnedKey("s" + std::to_string(i) + ".example.org"), 3600);
  const OwnedKey key("returns.example.org");
  w.put(key, 3600);
  for (int i = 0; i < 1000; ++i) w.put(OwnedKey("t" + std::to_string(i) + ".example.org"), 3600);
  ASSERT_FALSE(w.get(key));
  const std::uint64_t before = w.cache.stats().ghost_hits;
  w.put(key, 3600);
  EXPECT_EQ(w.cache.stats().ghost_hits, before + 1);
}

}  // namespace
}  // namespace rampart::resolver
