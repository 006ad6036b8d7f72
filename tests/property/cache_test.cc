// The response cache against a map, on virtual time: what it returns is the newest answer of exactly this key, unexpired,
// and it forgets only when it says so. Tiny caches wrap, pad, promote and evict all the time; a large one never does.
#include "resolver/cache.h"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <random>
#include <string>

#include "tests/support/cache_world.h"

namespace rampart::resolver {
namespace {

using test::OwnedKey;

struct Remembered {
  std::uint64_t version;
  base::Instant stored;
  std::uint32_t ttl;
  std::size_t length;
};

struct Scenario {
  const char* name;
  CacheOptions options;
  std::size_t keys;
  std::size_t rdata_max;
  bool may_forget;
};

void run(const Scenario& scenario, std::uint64_t seed) {
  SCOPED_TRACE(std::string(scenario.name) + ", seed " + std::to_string(seed));
  std::mt19937_64 random(seed);
  Cache cache(scenario.options);
  std::vector<OwnedKey> keys;
  for (std::size_t i = 0; i < scenario.keys; ++i)
    keys.emplace_back(std::string(1 + random() % 40, 'a') + std::to_string(i) + ".example.org",
                      random() % 2 ? dns::RrType::kA : dns::RrType::kTxt, random() % 3, random() % 2, random() % 2);
  std::map<std::size_t, Remembered> model;
  base::Instant now = test::kCacheStart;
  std::array<std::uint8_t, 65535> out;
  std::uint64_t version = 0, hits = 0;

  for (int step = 0; step < 60'000; ++step) {
    // Squared, so that some keys are popular.
    const double u = std::uniform_real_distribution<>(0, 1)(random);
    const auto i = static_cast<std::size_t>(u * u * static_cast<double>(keys.size()));
    const OwnedKey& key = keys[i];
    const unsigned dice = random() % 1000;
    if (dice < 400) {
      const std::uint32_t ttl = 1 + random() % 600;
      const std::size_t length = 8 + (random() % 10 ? random() % 100 : random() % scenario.rdata_max);
      const auto m = test::make_cache_message(key, ++version, ttl, 1 + random() % 5, length);
      if (cache.insert(key.view(), m.wire, m.ttl_offsets, ttl, now)) {
        model[i] = {version, now, ttl, m.wire.size()};
      } else {
        ASSERT_TRUE(scenario.may_forget);  // too large; the old answer may stay
      }
    } else if (dice < 410) {
      const bool was_there = cache.erase(key.view());
      const bool was_known = model.erase(i) == 1;
      ASSERT_TRUE(was_known || !was_there);
    } else if (dice < 411) {
      cache.clear();
      model.clear();
    } else if (dice < 440) {
      now += std::chrono::milliseconds(random() % 20'000);
    } else {
      const bool stale_too = random() % 4 == 0;
      CacheHit hit;
      const bool is_hit = cache.lookup(key.view(), now, out, hit, stale_too ? LookupMode::kStaleToo : LookupMode::kFreshOnly);
      const auto known = model.find(i);
      const auto age = known == model.end() ? base::Duration{} : now - known->second.stored;
      const auto life = known == model.end() ? base::Duration{} : base::Duration(std::chrono::seconds(known->second.ttl));
      const bool is_fresh = known != model.end() && age < life;
      const bool is_usable = known != model.end() && (is_fresh || (stale_too && age < life + scenario.options.stale_max));
      if (!is_hit) {
        ASSERT_TRUE(scenario.may_forget || !is_usable) << "forgotten at step " << step;
        continue;
      }
      ++hits;
      ASSERT_TRUE(is_usable) << "an answer that should be gone, step " << step;
      ASSERT_EQ(hit.length, known->second.length);
      ASSERT_EQ(test::read_proof(key, base::ByteView(out).first(hit.length)), known->second.version) << step;
      ASSERT_EQ(hit.is_stale, !is_fresh);
      const auto age_s = static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(age).count());
      const std::uint32_t expected_ttl = is_fresh ? known->second.ttl - age_s : scenario.options.stale_answer_ttl;
      ASSERT_EQ(hit.min_ttl, expected_ttl);
      ASSERT_EQ(base::load_u32(out.data() + 12 + key.name().length + 4 + 6), expected_ttl);
    }
    if (step % 5000 == 0) {
      const CacheStats stats = cache.stats();
      std::size_t counted = 0, bytes = 0;
      cache.for_each(test::kCacheStart, [&](const CacheEntryView& entry) {  // at the start nothing had expired
        ++counted;
        bytes += entry.message.size();
      });
      ASSERT_EQ(counted, stats.entries);
      ASSERT_LE(bytes, stats.bytes_used);
      ASSERT_LE(stats.bytes_used, stats.bytes_max);
      ASSERT_TRUE(scenario.may_forget || stats.evictions == 0);
      ASSERT_TRUE(scenario.options.items_max == 0 || stats.entries <= scenario.options.items_max + 1);
    }
  }
  EXPECT_GT(hits, 300u) << "the test must exercise hits";
}

TEST(CacheProperty, AgreesWithAMap) {
  const std::uint64_t seed = std::random_device{}();
  const Scenario scenarios[] = {
      {"large", {.memory_bytes = std::size_t{64} << 20}, 500, 3000, false},
      {"large, stale", {.memory_bytes = std::size_t{64} << 20, .stale_max = std::chrono::seconds(300)}, 500, 3000, false},
      {"tiny", {.memory_bytes = 128 << 10, .shards = 1}, 3000, 5000, true},
      {"tiny, stale", {.memory_bytes = 128 << 10, .shards = 1, .stale_max = std::chrono::seconds(300)}, 3000, 5000, true},
      {"tiny, prefetch", {.memory_bytes = 256 << 10, .shards = 2, .prefetch = true}, 3000, 1000, true},
      {"growing", {.memory_bytes = std::size_t{4} << 20, .shards = 1}, 20'000, 3000, true},
      {"few items", {.memory_bytes = std::size_t{1} << 20, .items_max = 100, .shards = 1}, 1000, 300, true},
  };
#ifdef __SANITIZE_THREAD__
  constexpr std::uint64_t kRounds = 1;  // one thread, many times as slow
#else
  constexpr std::uint64_t kRounds = 3;
#endif
  for (const Scenario& scenario : scenarios)
    for (std::uint64_t round = 0; round < kRounds && !::testing::Test::HasFatalFailure(); ++round) run(scenario, seed + round);
}

}  // namespace
}  // namespace rampart::resolver
