// What the response cache costs a query, and what a scan of random names costs its hit ratio.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "resolver/cache.h"
#include "tests/support/cache_world.h"

namespace rampart::resolver {
namespace {

using test::OwnedKey;

/// Key numbers by Zipf's law (s = 1), which is how names are asked for.
class Zipf {
 public:
  explicit Zipf(std::size_t n) : cumulative_(n) {
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) cumulative_[i] = sum += 1.0 / static_cast<double>(i + 1);
  }
  std::size_t operator()(std::mt19937_64& random) const {
    const double u = std::uniform_real_distribution<>(0, cumulative_.back())(random);
    return static_cast<std::size_t>(std::lower_bound(cumulative_.begin(), cumulative_.end(), u) - cumulative_.begin());
  }

 private:
  std::vector<double> cumulative_;
};

std::vector<OwnedKey> make_keys(std::size_t n) {
  std::vector<OwnedKey> keys;
  keys.reserve(n);
  for (std::size_t i = 0; i < n; ++i) keys.emplace_back("host" + std::to_string(i) + ".example.org");
  return keys;
}

void fill(Cache& cache, const std::vector<OwnedKey>& keys) {
  for (const OwnedKey& key : keys) {
    const auto m = test::make_cache_message(key, 7, 3600, 3, 4);
    cache.insert(key.view(), m.wire, m.ttl_offsets, 3600, test::kCacheStart);
  }
}

struct Prepared {  // keys with their hashes, so that only the cache is timed
  explicit Prepared(std::size_t n) : keys(make_keys(n)) {
    for (const OwnedKey& key : keys) views.push_back(key.view());
    fill(cache, keys);
  }
  Cache cache{CacheOptions{}};
  std::vector<OwnedKey> keys;
  std::vector<CacheKeyView> views;
};

/// Hits of 3-record, 100-octet answers; the argument is the number of names: in L2, or far out of the caches.
void BM_Cache_Hit(benchmark::State& state) {
  Prepared world(static_cast<std::size_t>(state.range(0)));
  std::array<std::uint8_t, 4096> out;
  std::mt19937_64 random(1);
  std::vector<std::uint32_t> order(1 << 16);
  for (auto& i : order) i = static_cast<std::uint32_t>(random() % world.keys.size());
  std::size_t n = 0;
  std::uint64_t hits = 0;
  for (auto _ : state) {
    CacheHit hit;
    hits += world.cache.lookup(world.views[order[n++ % order.size()]], test::kCacheStart, out, hit);
    benchmark::DoNotOptimize(out);
  }
  state.counters["hit_ratio"] = static_cast<double>(hits) / static_cast<double>(state.iterations());
}
BENCHMARK(BM_Cache_Hit)->Arg(100)->Arg(200'000);

/// The same as a worker does it: 32 queries prefetched, then looked up.
void BM_Cache_HitInBatches(benchmark::State& state) {
  Prepared world(static_cast<std::size_t>(state.range(0)));
  std::array<std::uint8_t, 4096> out;
  std::mt19937_64 random(1);
  std::vector<std::uint32_t> order(1 << 16);
  for (auto& i : order) i = static_cast<std::uint32_t>(random() % world.keys.size());
  std::size_t n = 0;
  for (auto _ : state) {
    const auto hash_at = [&](std::size_t i) { return world.views[order[(n + i) % order.size()]].hash; };
    for (std::size_t i = 0; i < 32; ++i) world.cache.prefetch(hash_at(i));
    for (std::size_t i = 0; i < 32; ++i) world.cache.prefetch_entry(hash_at(i));
    for (std::size_t i = 0; i < 32; ++i) {
      CacheHit hit;
      benchmark::DoNotOptimize(world.cache.lookup(world.views[order[(n + i) % order.size()]], test::kCacheStart, out, hit));
    }
    n += 32;
  }
  state.SetItemsProcessed(state.iterations() * 32);
}
BENCHMARK(BM_Cache_HitInBatches)->Arg(100)->Arg(200'000);

void BM_Cache_Miss(benchmark::State& state) {
  Prepared world(200'000);
  const std::vector<OwnedKey> absent = [] {
    std::vector<OwnedKey> keys;
    for (int i = 0; i < 4096; ++i) keys.emplace_back("absent" + std::to_string(i) + ".example.org");
    return keys;
  }();
  std::vector<CacheKeyView> views;
  for (const OwnedKey& key : absent) views.push_back(key.view());
  std::array<std::uint8_t, 4096> out;
  std::size_t n = 0;
  for (auto _ : state) {
    CacheHit hit;
    benchmark::DoNotOptimize(world.cache.lookup(views[n++ % views.size()], test::kCacheStart, out, hit));
  }
}
BENCHMARK(BM_Cache_Miss);

void BM_Cache_MakeKey(benchmark::State& state) {
  const OwnedKey key("host12345.example.org");
  for (auto _ : state) benchmark::DoNotOptimize(key.view());
}
BENCHMARK(BM_Cache_MakeKey);

/// Insertions into a full cache: each evicts about one.
void BM_Cache_InsertEvict(benchmark::State& state) {
  Cache cache({.memory_bytes = std::size_t{8} << 20});
  const std::vector<OwnedKey> keys = make_keys(400'000);
  std::vector<CacheKeyView> views;
  for (const OwnedKey& key : keys) views.push_back(key.view());
  fill(cache, keys);
  std::vector<test::CacheMessage> messages;
  for (const OwnedKey& key : keys) messages.push_back(test::make_cache_message(key, 7, 3600, 3, 4));
  std::size_t n = 0;
  for (auto _ : state) {
    const std::size_t i = n++ % keys.size();
    cache.insert(views[i], messages[i].wire, messages[i].ttl_offsets, 3600, test::kCacheStart);
  }
  state.counters["bytes_each"] = static_cast<double>(cache.stats().bytes_max) / static_cast<double>(cache.stats().entries);
}
BENCHMARK(BM_Cache_InsertEvict);

/// Hit ratio of Zipf traffic over 100 k names in 8 MiB, alone (0) and with a scan of 1 M random names at four times
/// its rate (1).
void BM_Cache_ZipfHitRatio(benchmark::State& state) {
  const bool with_scan = state.range(0) != 0;
  const std::vector<OwnedKey> keys = make_keys(100'000);
  const Zipf zipf(keys.size());
  std::array<std::uint8_t, 4096> out;
  for (auto _ : state) {
    Cache cache({.memory_bytes = std::size_t{8} << 20});
    std::mt19937_64 random(3);
    const auto ask = [&](const OwnedKey& key) {
      CacheHit hit;
      if (cache.lookup(key.view(), test::kCacheStart, out, hit)) return true;
      const auto m = test::make_cache_message(key, 7, 3600, 3, 4);
      cache.insert(key.view(), m.wire, m.ttl_offsets, 3600, test::kCacheStart);
      return false;
    };
    for (int i = 0; i < 500'000; ++i) ask(keys[zipf(random)]);
    std::uint64_t hits = 0;
    for (int i = 0; i < 250'000; ++i) {
      hits += ask(keys[zipf(random)]);
      for (int s = 0; with_scan && s < 4; ++s) ask(OwnedKey("x" + std::to_string(random()) + ".example.com"));
    }
    state.counters["hit_ratio"] = static_cast<double>(hits) / 250'000;
    state.counters["entries"] = static_cast<double>(cache.stats().entries);
  }
}
BENCHMARK(BM_Cache_ZipfHitRatio)->Arg(0)->Arg(1)->Iterations(1)->Unit(benchmark::kMillisecond);

/// Two threads on one shared cache, hits only and with an insertion in 10.
std::unique_ptr<Prepared> shared_world;
void BM_Cache_Shared(benchmark::State& state) {
  if (state.thread_index() == 0) shared_world = std::make_unique<Prepared>(50'000);
  std::array<std::uint8_t, 4096> out;
  std::mt19937_64 random(static_cast<std::uint64_t>(state.thread_index()));
  const auto writes = static_cast<std::uint64_t>(state.range(0));
  for (auto _ : state) {
    const std::size_t i = random() % shared_world->keys.size();
    CacheHit hit;
    if (random() % 100 < writes) {
      const auto m = test::make_cache_message(shared_world->keys[i], 7, 3600, 3, 4);
      shared_world->cache.insert(shared_world->views[i], m.wire, m.ttl_offsets, 3600, test::kCacheStart);
    } else {
      benchmark::DoNotOptimize(shared_world->cache.lookup(shared_world->views[i], test::kCacheStart, out, hit));
    }
  }
}
BENCHMARK(BM_Cache_Shared)->Arg(0)->Arg(10)->Threads(1)->Threads(2)->UseRealTime();

}  // namespace
}  // namespace rampart::resolver
