// The response cache, one for all workers. A lookup takes no lock and writes to no line that others write at
// the same time; an insertion takes a short mutex of one of the shards (cache_shard.h tells how).
//
// Messages are kept whole and ready to send, without OPT, the question name lower-cased; TTLs are aged while
// copying out. What is worth keeping is decided by S3-FIFO: newcomers live in a small queue and enter the main one
// only when asked for again, so a million random names pass through without pushing popular ones out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "dns/name.h"
#include "dns/types.h"
#include "resolver/cache_key.h"

namespace rampart::resolver {

struct CacheOptions {
  std::size_t memory_bytes = std::size_t{64} << 20;  ///< everything included; never exceeded. At least 128 KiB
  std::size_t items_max = 0;  ///< 0: bounded by memory only. Split evenly over the shards, hence approximate
  unsigned shards = 0;        ///< a power of two, or 0: twice the cores, fewer for a small cache
  /// Serve-stale (RFC 8767): how long after expiry an entry may still answer in LookupMode::kStaleToo. 0: never.
  std::chrono::seconds stale_max{0};
  std::uint32_t stale_answer_ttl = 30;  ///< seconds; the TTL of stale answers (RFC 8767 4)
  /// Prefetch: an entry in the last tenth of its TTL is reported once by wants_prefetch, if the lookups of its
  /// name (the first, a miss, included) exceed the threshold. Counts fade over the window.
  bool prefetch = false;
  std::uint32_t prefetch_threshold = 5;  ///< above 30 hits are sampled rather than counted
  std::chrono::seconds prefetch_window{7200};
};

enum class LookupMode : std::uint8_t { kFreshOnly, kStaleToo };

struct CacheHit {
  std::size_t length = 0;     ///< of the stored message; if more than `out` holds, see lookup()
  dns::Rcode rcode{};         ///< of the header, 4 bits
  std::uint32_t min_ttl = 0;  ///< seconds left; stale_answer_ttl if stale
  bool is_stale = false;
  bool wants_prefetch = false;  ///< true for one lookup in the entry's life: this caller should refresh it
  bool was_prefetched = false;  ///< the entry was inserted by a prefetch
};

struct InsertFlags {
  bool prefetched = false;
};

/// One entry as for_each() shows it; borrowed, valid during the call only.
struct CacheEntryView {
  dns::NameView name;  ///< lower-case
  dns::RrType qtype{};
  std::uint32_t cache_group = 0;
  bool dnssec_ok = false;
  bool checking_disabled = false;
  base::ByteView message;        ///< as stored: TTLs not aged
  std::uint32_t age = 0;         ///< seconds since it was stored
  std::uint32_t ttl_left = 0;    ///< seconds; 0 if expired (and kept as stale)
  bool was_prefetched = false;
};

struct CacheStats {
  std::size_t entries = 0;       ///< expired ones included until they are swept
  std::size_t bytes_used = 0;    ///< of entries and their headers
  std::size_t bytes_touched = 0; ///< of the memory for entries, so far taken from the system
  std::size_t bytes_max = 0;     ///< the whole budget: entries, index, ghosts
  std::uint64_t insertions = 0;
  std::uint64_t replacements = 0;  ///< insertions of a key that was present
  std::uint64_t evictions = 0;     ///< unexpired entries that made way
  std::uint64_t expirations = 0;   ///< expired entries that were swept
  std::uint64_t promotions = 0;    ///< entries that moved from the small queue to the main one
  std::uint64_t ghost_hits = 0;    ///< newcomers remembered from before, which go straight to the main queue
  std::uint64_t rejected_too_large = 0;  ///< longer than a shard takes
  std::uint64_t rejected_mismatch = 0;   ///< the message's question is not the key's, or a TTL offset is outside
};

class CacheShard;

/// Owned by the server, outlives the workers. Every method may be called by any thread at any time.
class Cache {
 public:
  /// Reserves address space; memory is taken from the system as it is used. Throws std::bad_alloc.
  explicit Cache(const CacheOptions& options);
  ~Cache();
  Cache(const Cache&) = delete;
  Cache& operator=(const Cache&) = delete;

  /// Copies the stored message into `out` with aged TTLs (all `stale_answer_ttl` when stale). ID and flags are as they
  /// were inserted; they and the case of the question at offset 12 are the caller's to patch. If the message is
  /// longer than `out`, `hit.length` says so and `out` holds the beginning, fit only for a truncated response.
  /// No lock, no allocation. Returns false on a miss; `out` may then hold garbage.
  [[nodiscard]] bool lookup(const CacheKeyView& key, base::Instant now, base::MutableBytes out, CacheHit& hit,
                            LookupMode mode = LookupMode::kFreshOnly) noexcept;

  /// Starts loading what lookup() will read first: for batches, prefetch all, then look all up.
  void prefetch(const base::Hash128& hash) const noexcept;
  /// The second step: reads the index line (which should have arrived) and starts loading the entry.
  void prefetch_entry(const base::Hash128& hash) const noexcept;

  /// Stores a copy of `message`: a whole valid response without OPT, whose question is the key's (any case).
  /// `ttl_offsets` are the positions of its TTL fields. It expires `ttl_seconds` after `now`; 0 is not stored.
  /// Replaces an entry of the same key; evicts as needed. Returns whether it was stored.
  bool insert(const CacheKeyView& key, base::ByteView message, std::span<const std::uint16_t> ttl_offsets,
              std::uint32_t ttl_seconds, base::Instant now, InsertFlags flags = {}) noexcept;

  bool erase(const CacheKeyView& key) noexcept;
  /// Forgets everything and gives the memory back to the system.
  void clear() noexcept;

  [[nodiscard]] CacheStats stats() const noexcept;

  /// Visits every entry that may still answer at `now`, in no particular order, holding the mutex of one shard
  /// at a time: insertions into that shard wait, lookups do not.
  void for_each(base::Instant now, const std::function<void(const CacheEntryView&)>& visit) const;

 private:
  [[nodiscard]] CacheShard& shard_of(const base::Hash128& hash) const noexcept;

  unsigned shard_shift_ = 63;  ///< shard = hash.hi >> shift
  std::vector<std::unique_ptr<CacheShard>> shards_;
};

}  // namespace rampart::resolver
