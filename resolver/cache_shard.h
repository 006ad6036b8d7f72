// One shard of the response cache: an index of cache-line buckets, and two rings of entries in one mapping.
//
// Reading is optimistic: find the slot, copy the entry, look at the slot again. If it changed, its memory may have
// been reused meanwhile, so the copy is thrown away and the bucket read anew (cache_entry.h has the argument).
//
// Writing, under the mutex, is S3-FIFO (Yang et al., SOSP 2023). Newcomers enter the small ring (a tenth). At its
// tail, whoever was asked for at least twice moves to the main ring; the rest is dropped, its fingerprint kept for a while,
// so that one who returns goes straight to main. At the tail of main, whoever was asked for since moves to the
// head again. The exceptions: while main has room it takes everybody, and expired entries go first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <span>

#include "base/pages.h"
#include "resolver/cache.h"
#include "resolver/cache_entry.h"
#include "resolver/cache_index.h"
#include "resolver/cache_ring.h"

namespace rampart::resolver {

class CacheShard {
 public:
  /// The smallest piece of memory that still holds messages of ordinary length.
  static constexpr std::size_t kBytesMin = std::size_t{128} << 10;
  /// `items_max` is this shard's share, 0 for no limit.
  CacheShard(const CacheOptions& options, std::size_t bytes, std::size_t items_max);

  [[nodiscard]] bool lookup(const CacheKeyView& key, base::Instant now, base::MutableBytes out, CacheHit& hit,
                            LookupMode mode) noexcept;
  void prefetch(const base::Hash128& hash) const noexcept { __builtin_prefetch(index_.home(hash.lo)); }
  void prefetch_entry(const base::Hash128& hash) const noexcept;

  bool insert(const CacheKeyView& key, base::ByteView message, std::span<const std::uint16_t> ttl_offsets,
              std::uint32_t ttl_seconds, base::Instant now, InsertFlags flags) noexcept;
  bool erase(const CacheKeyView& key) noexcept;
  void clear() noexcept;
  void add_to(CacheStats& stats) const noexcept;
  void for_each(base::Instant now, const std::function<void(const CacheEntryView&)>& visit);

 private:
  enum class Reading : std::uint8_t { kHit, kExpired, kAnotherKey, kTorn };

  /// Where the pieces of the mapping lie.
  struct Plan {
    std::size_t buckets, ghost_sets, rings_at_byte, small_words, main_words;
    static Plan make(std::size_t bytes, std::size_t items_max) noexcept;
  };

  CacheShard(const CacheOptions& options, std::size_t bytes, std::size_t items_max, const Plan& plan);

  // Readers
  Reading read(SlotRef ref, std::uint64_t slot, const CacheKeyView& key, std::uint64_t now_ms, base::MutableBytes out,
               CacheHit& hit, LookupMode mode) noexcept;
  void touch(SlotRef ref, const CacheKeyView& key, base::Instant now) noexcept;
  bool claim_prefetch(SlotRef ref) noexcept;

  // Writers, under the mutex
  [[nodiscard]] SlotRef find(const CacheKeyView& key) const noexcept;
  [[nodiscard]] std::uint64_t* at(std::uint64_t position) const noexcept { return words_ + (position & EntryRing::kOffsetMask); }
  [[nodiscard]] EntryRing& ring_of(std::uint64_t slot) noexcept { return small_.owns(slot) ? small_ : main_; }
  [[nodiscard]] bool is_dispensable(const EntryHeader& entry) const noexcept;
  [[nodiscard]] bool main_is_roomy(std::size_t words) const noexcept;
  void make_room_in_small(std::size_t words) noexcept;
  void make_room_in_main(std::size_t words) noexcept;
  void make_room_among_items() noexcept;
  bool sweep_small() noexcept;
  bool sweep_main() noexcept;
  void sweep_expired_of_main() noexcept;
  bool drop_if_useless(EntryRing& ring, SlotRef ref, const EntryHeader& entry) noexcept;
  void move_to_main(SlotRef ref, const EntryHeader& entry, std::uint64_t from, unsigned frequency) noexcept;
  void remove(SlotRef ref, std::size_t words) noexcept;
  SlotRef take_slot(std::uint64_t hash_lo) noexcept;
  void write(std::uint64_t position, EntryHeader entry, const CacheKeyView& key, base::ByteView message,
             std::span<const std::uint16_t> ttl_offsets) noexcept;
  [[nodiscard]] std::uint8_t inherited_heat(std::uint8_t heat, std::uint64_t age_ms) noexcept;

  // Constant after construction
  const std::uint64_t stale_max_ms_;
  const std::uint64_t window_ms_;
  const std::uint32_t stale_ttl_;
  const bool counts_hits_;
  std::uint32_t hits_stride_ = 1;   ///< one of so many hits is counted
  std::uint32_t hits_wanted_ = 0;   ///< counted hits that make an entry worth a prefetch
  const std::size_t bytes_;
  const std::size_t items_max_;
  base::MappedMemory memory_;
  std::uint64_t* const words_;      ///< both rings
  const CacheIndex index_;          ///< the buckets are shared: see SlotRef

  // Guarded by mutex_
  mutable std::mutex mutex_;
  EntryRing small_;
  EntryRing main_;
  CacheGhosts ghosts_;
  std::uint64_t now_ms_ = 0;        ///< of the insertion under way
  std::size_t moves_left_ = 0;      ///< second chances that the insertion under way may still give
  std::uint64_t dither_ = 0x9e3779b97f4a7c15ULL;

  // Stored under mutex_, read by anyone
  base::Counter insertions_, replacements_, evictions_, expirations_, promotions_, ghost_hits_;
  base::SharedCounter rejected_too_large_, rejected_mismatch_;
};

}  // namespace rampart::resolver
