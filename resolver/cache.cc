#include "resolver/cache.h"

#include <algorithm>
#include <bit>
#include <thread>

#include "resolver/cache_shard.h"

namespace rampart::resolver {
namespace {

/// More shards than this do not make writers meet less often, on any machine we know.
constexpr std::size_t kShardsMax = 64;
/// A shard should hold so many entries that chance spreads names evenly over them.
constexpr std::size_t kItemsPerShardMin = 1024;
constexpr std::size_t kBytesPerShardMin = std::size_t{1} << 20;

std::size_t shard_count(const CacheOptions& options, std::size_t memory_bytes) noexcept {
  if (options.shards != 0)
    return std::bit_floor(std::clamp<std::size_t>(options.shards, 1, std::min(kShardsMax, memory_bytes / CacheShard::kBytesMin)));
  std::size_t wanted = 2 * std::max(1u, std::thread::hardware_concurrency());
  wanted = std::min(wanted, memory_bytes / kBytesPerShardMin);
  if (options.items_max != 0) wanted = std::min(wanted, options.items_max / kItemsPerShardMin);
  return std::bit_floor(std::clamp<std::size_t>(wanted, 1, kShardsMax));
}

}  // namespace

Cache::Cache(const CacheOptions& options) {
  const std::size_t memory_bytes = std::max(options.memory_bytes, CacheShard::kBytesMin);
  const std::size_t count = shard_count(options, memory_bytes);
  shard_shift_ = 64 - static_cast<unsigned>(std::countr_zero(count));
  const std::size_t items_max = (options.items_max + count - 1) / count;
  shards_.reserve(count);
  for (std::size_t i = 0; i < count; ++i)
    shards_.push_back(std::make_unique<CacheShard>(options, memory_bytes / count, items_max));
}

Cache::~Cache() = default;

CacheShard& Cache::shard_of(const base::Hash128& hash) const noexcept {
  // In two steps, because one shard means a shift by 64.
  return *shards_[hash.hi >> 1 >> (shard_shift_ - 1)];
}

bool Cache::lookup(const CacheKeyView& key, base::Instant now, base::MutableBytes out, CacheHit& hit,
                   LookupMode mode) noexcept {
  return shard_of(key.hash).lookup(key, now, out, hit, mode);
}

void Cache::prefetch(const base::Hash128& hash) const noexcept { shard_of(hash).prefetch(hash); }

void Cache::prefetch_entry(const base::Hash128& hash) const noexcept { shard_of(hash).prefetch_entry(hash); }

bool Cache::insert(const CacheKeyView& key, base::ByteView message, std::span<const std::uint16_t> ttl_offsets,
                   std::uint32_t ttl_seconds, base::Instant now, InsertFlags flags) noexcept {
  return shard_of(key.hash).insert(key, message, ttl_offsets, ttl_seconds, now, flags);
}

bool Cache::erase(const CacheKeyView& key) noexcept { return shard_of(key.hash).erase(key); }

void Cache::clear() noexcept {
  for (const auto& shard : shards_) shard->clear();
}

CacheStats Cache::stats() const noexcept {
  CacheStats stats;
  for (const auto& shard : shards_) shard->add_to(stats);
  return stats;
}

void Cache::for_each(base::Instant now, const std::function<void(const CacheEntryView&)>& visit) const {
  for (const auto& shard : shards_) shard->for_each(now, visit);
}

}  // namespace rampart::resolver
