// The readers of a cache shard: they run on every worker for every query, without a lock, at the same time as one
// writer of the shard.
#include "resolver/cache_shard.h"

namespace rampart::resolver {
namespace {

/// How often a reader starts again because a writer was in the way. Each time the writer has to move or replace this
/// very entry, so a second attempt is rare; after the last one the query is a miss.
constexpr int kAttemptsMax = 4;

/// Prefetch in the last tenth of the life, or the last second if that is longer.
bool is_near_expiry(std::uint64_t left_ms, std::uint64_t ttl_ms) noexcept {
  return left_ms * 10 <= ttl_ms || left_ms <= 1000;
}

}  // namespace

bool CacheShard::lookup(const CacheKeyView& key, base::Instant now, base::MutableBytes out, CacheHit& hit,
                        LookupMode mode) noexcept {
  const std::array<IndexBucket*, 2> pair = index_.pair(key.hash.lo);
  const std::uint64_t tag = tag_of(key.hash);
  const std::uint64_t now_ms = EntryHeader::clock_ms(now);
  for (int attempt = 0; attempt < kAttemptsMax; ++attempt) {
    bool was_torn = false;
    for (std::size_t n = 0; n < 2 * IndexBucket::kSlots && !was_torn; ++n) {
      const SlotRef ref{pair[n / IndexBucket::kSlots], n % IndexBucket::kSlots};
      const std::uint64_t slot = ref.load();
      if ((slot & ~kPositionMask) != tag || slot == 0) continue;
      switch (read(ref, slot, key, now_ms, out, hit, mode)) {
        case Reading::kHit:
          touch(ref, key, now);
          hit.wants_prefetch = hit.wants_prefetch && claim_prefetch(ref);
          return true;
        case Reading::kExpired:
          touch(ref, key, now);  // it is wanted: its successor deserves the main ring
          return false;
        case Reading::kAnotherKey: break;
        case Reading::kTorn: was_torn = true; break;
      }
    }
    if (!was_torn) return false;
  }
  return false;
}

CacheShard::Reading CacheShard::read(SlotRef ref, std::uint64_t slot, const CacheKeyView& key, std::uint64_t now_ms,
                                     base::MutableBytes out, CacheHit& hit, LookupMode mode) noexcept {
  std::uint64_t* p = at(slot);
  const EntryHeader entry = EntryHeader::load(p);
  const auto is_torn = [&] { return ref.load() != slot; };

  if (entry.hash != key.hash.lo || entry.scalars != key.scalars())
    return is_torn() ? Reading::kTorn : Reading::kAnotherKey;
  const std::size_t name_end = dns::kHeaderBytes + key.name.length;
  const bool lies_inside = (slot & EntryRing::kOffsetMask) + entry.words <= small_.capacity() + main_.capacity();
  if (!entry.is_consistent() || !lies_inside || entry.message_length < name_end) return Reading::kTorn;

  const std::uint64_t age_ms = entry.age_ms(now_ms);
  const bool is_stale = age_ms >= entry.ttl_ms();
  if (is_stale && (mode == LookupMode::kFreshOnly || age_ms >= entry.ttl_ms() + stale_max_ms_))
    return is_torn() ? Reading::kTorn : Reading::kExpired;

  p += EntryHeader::kWords;
  const std::size_t length = std::min<std::size_t>(entry.message_length, out.size());
  copy_octets(p, out.data(), length);
  if (length == entry.message_length) {
    const auto age = static_cast<std::uint32_t>(age_ms / 1000);
    p += EntryHeader::message_words(length);
    std::uint16_t offsets[4];
    for (std::size_t i = 0; i < entry.ttl_count; ++i) {
      if (i % 4 == 0) {
        const std::uint64_t word = load_word(p + i / 4);
        std::memcpy(offsets, &word, 8);
      }
      const std::size_t ttl_at = offsets[i % 4];
      if (ttl_at + 4 > length) return Reading::kTorn;
      const std::uint32_t ttl = base::load_u32(out.data() + ttl_at);
      const bool is_ttl_valid = ttl < 0x80000000u;  // RFC 2181 8: others count as 0
      base::store_u32(out.data() + ttl_at, is_stale ? stale_ttl_ : is_ttl_valid && ttl > age ? ttl - age : 0);
    }
  }
  if (is_torn()) return Reading::kTorn;
  // From here on `out` is known to hold one entry, whole.
  if (length < name_end) return Reading::kAnotherKey;
  if (std::memcmp(out.data() + dns::kHeaderBytes, key.name.wire.data(), key.name.length) != 0)
    return Reading::kAnotherKey;

  hit.length = entry.message_length;
  hit.rcode = static_cast<dns::Rcode>(out[3] & 0xf);
  hit.is_stale = is_stale;
  hit.min_ttl = is_stale ? stale_ttl_ : entry.ttl - static_cast<std::uint32_t>(age_ms / 1000);
  hit.was_prefetched = (entry.flags & EntryHeader::kPrefetched) != 0;
  hit.wants_prefetch = counts_hits_ && !is_stale && is_near_expiry(entry.ttl_ms() - age_ms, entry.ttl_ms());
  return Reading::kHit;
}

/// Counts a hit where counting still changes something. One attempt: under contention a lost hit does no harm.
void CacheShard::touch(SlotRef ref, const CacheKeyView& key, base::Instant now) noexcept {
  const auto heat = ref.heat_ref();
  std::uint8_t old = heat.load(std::memory_order_relaxed);
  std::uint8_t next = old;
  if (Heat::frequency(old) < Heat::kFrequencyMax) ++next;
  if (counts_hits_ && Heat::hits(old) < Heat::kHitsMax) {
    const std::uint64_t noise = (static_cast<std::uint64_t>(now.time_since_epoch().count()) ^ key.hash.hi) * 0x9e3779b97f4a7c15ULL;
    if (hits_stride_ == 1 || (noise >> 32) % hits_stride_ == 0) next = static_cast<std::uint8_t>(next + 4);
  }
  if (next != old) heat.compare_exchange_strong(old, next, std::memory_order_relaxed);
}

bool CacheShard::claim_prefetch(SlotRef ref) noexcept {
  const auto heat = ref.heat_ref();
  std::uint8_t old = heat.load(std::memory_order_relaxed);
  while (Heat::hits(old) >= hits_wanted_ && (old & Heat::kClaimed) == 0)
    if (heat.compare_exchange_weak(old, old | Heat::kClaimed, std::memory_order_relaxed)) return true;
  return false;
}

void CacheShard::prefetch_entry(const base::Hash128& hash) const noexcept {
  IndexBucket* home = index_.home(hash.lo);
  const std::uint64_t tag = tag_of(hash);
  for (std::size_t i = 0; i < IndexBucket::kSlots; ++i) {
    const std::uint64_t slot = load_word(&home->slots[i]);
    if (slot == 0 || (slot & ~kPositionMask) != tag) continue;
    const auto* p = reinterpret_cast<const std::uint8_t*>(at(slot));
    __builtin_prefetch(p);
    __builtin_prefetch(p + 64);
    __builtin_prefetch(p + 128);
  }
}

}  // namespace rampart::resolver
