// Writers and readers on a cache so small that memory is reused all the time. Run under ThreadSanitizer it shows that
// there is no race; run anywhere it shows that no reader sees a mixture of entries, another key's answer, or an
// answer older than one whose insertion had finished before the lookup began.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "resolver/cache.h"
#include "tests/support/cache_world.h"

namespace rampart::resolver {
namespace {

using test::OwnedKey;

constexpr std::size_t kKeysPerWriter = 300;
constexpr std::size_t kWriters = 2;
constexpr std::size_t kReaders = 2;
constexpr std::uint64_t kInsertionsPerWriter = 40'000;

class Arena {
 public:
  explicit Arena(const CacheOptions& options) : cache(options), finished(kKeysPerWriter * kWriters) {
    for (std::size_t i = 0; i < finished.size(); ++i) keys.emplace_back("n" + std::to_string(i) + ".example.org");
  }

  void write(std::size_t writer, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    for (std::uint64_t version = 1; version <= kInsertionsPerWriter; ++version) {
      const std::size_t i = writer * kKeysPerWriter + random() % kKeysPerWriter;
      const std::size_t length = 8 + (random() % 20 ? random() % 64 : random() % 2000);
      const auto m = test::make_cache_message(keys[i], (i << 32) | version, 3600, 1 + random() % 3, length);
      if (cache.insert(keys[i].view(), m.wire, m.ttl_offsets, 3600, test::kCacheStart))
        finished[i].store(version, std::memory_order_release);
      if (version % 1000 == 0) cache.erase(keys[i].view());
      if (version % 10'000 == 0) cache.clear();
    }
    --writers_left;
  }

  void read(std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::vector<std::uint8_t> out(65535);
    while (writers_left > 0) {
      const std::size_t i = random() % keys.size();
      const std::uint64_t at_least = finished[i].load(std::memory_order_acquire);
      CacheHit hit;
      cache.prefetch_entry(keys[i].view().hash);
      if (!cache.lookup(keys[i].view(), test::kCacheStart, out, hit)) continue;
      ++hits;
      const auto proof = test::read_proof(keys[i], base::ByteView(out).first(hit.length));
      if (!proof) ++mixtures;
      else if (*proof >> 32 != i) ++strangers;
      else if ((*proof & 0xffffffff) < at_least) ++outdated;
      else if (base::load_u32(out.data() + 12 + keys[i].name().length + 4 + 6) != 3600) ++wrong_ttls;
    }
  }

  void run() {
    const std::uint64_t seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    {
      std::vector<std::jthread> threads;
      for (std::size_t w = 0; w < kWriters; ++w) threads.emplace_back([this, w, seed] { write(w, seed + w); });
      for (std::size_t r = 0; r < kReaders; ++r) threads.emplace_back([this, r, seed] { read(seed + 100 + r); });
      threads.emplace_back([this] {
        while (writers_left > 0) {
          std::size_t seen = 0;
          cache.for_each(test::kCacheStart, [&](const CacheEntryView&) { ++seen; });
          if (seen > keys.size() || cache.stats().bytes_used > cache.stats().bytes_max) ++mixtures;
          std::this_thread::yield();
        }
      });
    }
    EXPECT_EQ(mixtures, 0u);
    EXPECT_EQ(strangers, 0u);
    EXPECT_EQ(outdated, 0u);
    EXPECT_EQ(wrong_ttls, 0u);
    EXPECT_GT(hits, 1000u);
    EXPECT_GT(cache.stats().evictions + cache.stats().replacements, 10'000u);
  }

  Cache cache;
  std::vector<OwnedKey> keys;
  std::vector<std::atomic<std::uint64_t>> finished;  ///< newest version whose insertion has returned
  std::atomic<std::size_t> writers_left{kWriters};
  std::atomic<std::uint64_t> hits{0}, mixtures{0}, strangers{0}, outdated{0}, wrong_ttls{0};
};

TEST(CacheConcurrency, ReadersSeeWholeAndCurrentAnswersWhileMemoryIsReused) {
  Arena({.memory_bytes = 128 << 10, .shards = 1, .prefetch = true, .prefetch_threshold = 0}).run();
}

TEST(CacheConcurrency, SameWithSeveralShardsAndFewItems) {
  Arena({.memory_bytes = 512 << 10, .items_max = 300, .shards = 4}).run();
}

}  // namespace
}  // namespace rampart::resolver
