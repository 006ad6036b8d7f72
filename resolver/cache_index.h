// The index of one cache shard: buckets of one cache line, seven slots and their heat. A key lives in its home
// bucket or, if that was full, in the neighbour, with which it forms a pair of adjacent lines. A full pair gives up
// its least wanted entry; at eight entries a pair, which is where the sizes lead to, that is 1 insertion in 100.
//
// The heat of a slot is all that readers ever write. It lies here and not with the entry, because a reader may
// write late, when the entry's memory is already another's; a wrong heat only misleads the eviction a little.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/keyed_hash.h"
#include "resolver/cache_ring.h"

namespace rampart::resolver {

/// slot = tag : 22 | position : 42; 0 is empty.
struct alignas(64) IndexBucket {
  static constexpr std::size_t kSlots = 7;
  std::uint64_t slots[kSlots];
  std::uint8_t heats[8];
};
static_assert(sizeof(IndexBucket) == 64);

inline constexpr std::uint64_t kPositionMask = (std::uint64_t{1} << EntryRing::kPositionBits) - 1;

[[nodiscard]] inline std::uint64_t tag_of(const base::Hash128& hash) noexcept {
  return hash.hi << EntryRing::kPositionBits;  // the low bits: the high ones choose the shard
}

/// Hits of an entry, in one octet: how often it was asked for (as eviction sees it, 0..3), how often (as prefetch
/// sees it, 0..31), and whether its prefetch has been given to somebody.
struct Heat {
  static constexpr std::uint8_t kFrequencyMax = 3;
  static constexpr std::uint8_t kHitsMax = 31;
  static constexpr std::uint8_t kClaimed = 0x80;

  static std::uint8_t frequency(std::uint8_t heat) noexcept { return heat & 3; }
  static std::uint8_t hits(std::uint8_t heat) noexcept { return (heat >> 2) & kHitsMax; }
  static std::uint8_t make(unsigned frequency, unsigned hits) noexcept {
    return static_cast<std::uint8_t>(frequency | (hits << 2));
  }
};

/// A slot within its bucket. Slots are stored under the shard's mutex, loaded by anybody.
struct SlotRef {
  IndexBucket* bucket = nullptr;
  std::size_t i = 0;

  explicit operator bool() const noexcept { return bucket != nullptr; }
  [[nodiscard]] std::uint64_t load() const noexcept { return load_word(&bucket->slots[i]); }
  void store(std::uint64_t slot) const noexcept { store_word(&bucket->slots[i], slot); }
  [[nodiscard]] std::atomic_ref<std::uint8_t> heat_ref() const noexcept {
    return std::atomic_ref<std::uint8_t>(bucket->heats[i]);
  }
  [[nodiscard]] std::uint8_t heat() const noexcept { return heat_ref().load(std::memory_order_relaxed); }
  void set_heat(std::uint8_t heat) const noexcept { heat_ref().store(heat, std::memory_order_relaxed); }
};

class CacheIndex {
 public:
  /// `count` is even; the buckets are zeroed.
  CacheIndex(IndexBucket* buckets, std::size_t count) noexcept : buckets_(buckets), count_(count) {}

  [[nodiscard]] IndexBucket* home(std::uint64_t hash_lo) const noexcept { return &buckets_[home_at(hash_lo)]; }
  /// Home and neighbour, in the order in which to look.
  [[nodiscard]] std::array<IndexBucket*, 2> pair(std::uint64_t hash_lo) const noexcept {
    const std::size_t at = home_at(hash_lo);
    return {&buckets_[at], &buckets_[at ^ 1]};
  }
  /// The slot that points to exactly this place, if the entry there is alive.
  [[nodiscard]] SlotRef find_position(std::uint64_t hash_lo, std::uint64_t position) const noexcept {
    for (IndexBucket* bucket : pair(hash_lo))
      for (std::size_t i = 0; i < IndexBucket::kSlots; ++i)
        if ((load_word(&bucket->slots[i]) & kPositionMask) == position) return {bucket, i};
    return {};
  }
  [[nodiscard]] std::size_t bucket_count() const noexcept { return count_; }
  [[nodiscard]] IndexBucket& operator[](std::size_t i) const noexcept { return buckets_[i]; }

 private:
  [[nodiscard]] std::size_t home_at(std::uint64_t hash_lo) const noexcept {
    return static_cast<std::size_t>((static_cast<unsigned __int128>(hash_lo) * count_) >> 64);
  }

  IndexBucket* const buckets_;
  const std::size_t count_;
};

/// Fingerprints of entries that left the small queue unpromoted: who returns soon goes to the main queue at once.
class CacheGhosts {
 public:
  static constexpr std::size_t kWays = 4;

  /// `memory` holds count * kWays fingerprints, zeroed.
  CacheGhosts(std::uint32_t* memory, std::size_t count) noexcept : memory_(memory), count_(count) {}

  void remember(std::uint64_t hash_lo) noexcept {
    std::uint32_t* set = set_of(hash_lo);
    for (std::size_t i = kWays - 1; i > 0; --i) set[i] = set[i - 1];  // the oldest of the set is forgotten
    set[0] = fingerprint(hash_lo);
  }
  bool take(std::uint64_t hash_lo) noexcept {
    std::uint32_t* set = set_of(hash_lo);
    for (std::size_t i = 0; i < kWays; ++i)
      if (set[i] == fingerprint(hash_lo)) {
        set[i] = 0;
        return true;
      }
    return false;
  }
  void clear() noexcept { std::memset(memory_, 0, count_ * kWays * sizeof *memory_); }

 private:
  static std::uint32_t fingerprint(std::uint64_t hash_lo) noexcept { return static_cast<std::uint32_t>(hash_lo) | 1; }
  [[nodiscard]] std::uint32_t* set_of(std::uint64_t hash_lo) const noexcept {
    return memory_ + kWays * static_cast<std::size_t>((static_cast<unsigned __int128>(hash_lo) * count_) >> 64);
  }

  std::uint32_t* const memory_;
  const std::size_t count_;
};

}  // namespace rampart::resolver
