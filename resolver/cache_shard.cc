// The writers of a cache shard: insertion and eviction. The readers are in cache_lookup.cc.
#include "resolver/cache_shard.h"

#include <algorithm>

namespace rampart::resolver {
namespace {

/// Second chances for one insertion, so that its time is bounded even if everything in main is hot.
constexpr std::size_t kMovesPerInsertion = 64;
/// Expired entries that one insertion sweeps from the tail of main: more than it adds, so they do not pile up.
constexpr int kSweepsPerInsertion = 4;
/// Asked for so often, a newcomer is worth a place in main (S3-FIFO's threshold: more than once since it came).
constexpr unsigned kPromotionFrequency = 2;

bool question_is(base::ByteView message, const CacheKeyView& key) noexcept {
  const std::size_t name_length = key.name.length;
  if (message.size() < dns::kHeaderBytes + name_length + 4) return false;
  const std::uint8_t* p = message.data() + dns::kHeaderBytes;
  for (std::size_t i = 0; i < name_length; ++i) {
    const std::uint8_t c = p[i];
    if ((c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c) != key.name.wire[i]) return false;
  }
  return base::load_u16(message.data() + 4) == 1 && base::load_u16(p + name_length) == static_cast<std::uint16_t>(key.qtype);
}

}  // namespace

// An eighth of the memory is index (at 110 octets an entry, 4 of 7 slots are taken), a sixty-fourth ghosts, the
// rest entries.
CacheShard::Plan CacheShard::Plan::make(std::size_t bytes, std::size_t items_max) noexcept {
  Plan plan{};
  plan.buckets = bytes / 8 / sizeof(IndexBucket);
  std::size_t ghosts = bytes / 64 / sizeof(std::uint32_t);
  if (items_max != 0) {  // fewer entries need a smaller index, and ghosts of long ago are no recommendation
    plan.buckets = std::min(plan.buckets, items_max / 3 + 1);
    ghosts = std::min(ghosts, items_max);
  }
  plan.buckets = (plan.buckets + 1) / 2 * 2;
  plan.ghost_sets = std::max<std::size_t>(1, ghosts / CacheGhosts::kWays);
  plan.rings_at_byte = plan.buckets * sizeof(IndexBucket) + plan.ghost_sets * CacheGhosts::kWays * sizeof(std::uint32_t);
  const std::size_t words = std::min<std::size_t>((bytes - plan.rings_at_byte) / 8, EntryRing::kOffsetMask);
  plan.small_words = words / 10;
  plan.main_words = words - plan.small_words;
  return plan;
}

CacheShard::CacheShard(const CacheOptions& options, std::size_t bytes, std::size_t items_max)
    : CacheShard(options, bytes, items_max, Plan::make(bytes, items_max)) {}

CacheShard::CacheShard(const CacheOptions& options, std::size_t bytes, std::size_t items_max, const Plan& plan)
    : stale_max_ms_(static_cast<std::uint64_t>(std::max<std::int64_t>(0, options.stale_max.count())) * 1000),
      window_ms_(static_cast<std::uint64_t>(std::max<std::int64_t>(1, options.prefetch_window.count())) * 1000),
      stale_ttl_(options.stale_answer_ttl),
      counts_hits_(options.prefetch),
      bytes_(bytes),
      items_max_(items_max),
      memory_(bytes, plan.buckets * sizeof(IndexBucket)),
      words_(reinterpret_cast<std::uint64_t*>(memory_.data() + plan.rings_at_byte)),
      index_(reinterpret_cast<IndexBucket*>(memory_.data()), plan.buckets),
      small_(words_, 0, plan.small_words),
      main_(words_, plan.small_words, plan.main_words),
      ghosts_(reinterpret_cast<std::uint32_t*>(memory_.data() + plan.buckets * sizeof(IndexBucket)), plan.ghost_sets) {
  // A count of lookups includes the miss that made the entry, hence `hits >= threshold` says `lookups > threshold`.
  // Large thresholds are sampled so that they fit five bits with headroom for the carry-over.
  constexpr std::uint32_t kWantedMax = 24;
  hits_stride_ = options.prefetch_threshold / (kWantedMax + 1) + 1;
  hits_wanted_ = options.prefetch_threshold / hits_stride_;
}

bool CacheShard::insert(const CacheKeyView& key, base::ByteView message, std::span<const std::uint16_t> ttl_offsets,
                        std::uint32_t ttl_seconds, base::Instant now, InsertFlags flags) noexcept {
  if (ttl_seconds == 0) return false;
  const bool offsets_are_inside = std::all_of(ttl_offsets.begin(), ttl_offsets.end(), [&](std::uint16_t at) {
    return at >= dns::kHeaderBytes + key.name.length + 4 && at + 4u <= message.size();
  });
  if (!offsets_are_inside || !question_is(message, key)) {
    rejected_mismatch_.add();
    return false;
  }
  EntryHeader entry;
  entry.words = EntryHeader::words_for(message.size(), ttl_offsets.size());
  if (message.size() > dns::kMessageBytesMax || ttl_offsets.size() > 0xffff ||
      entry.words > std::min<std::size_t>(main_.entry_words_max(), 0xffff)) {
    rejected_too_large_.add();
    return false;
  }
  entry.message_length = message.size();
  entry.ttl_count = ttl_offsets.size();
  entry.flags = flags.prefetched ? EntryHeader::kPrefetched : 0;
  entry.hash = key.hash.lo;
  entry.stored_ms = EntryHeader::clock_ms(now);
  entry.ttl = std::min(ttl_seconds, EntryHeader::kTtlMax);
  entry.scalars = key.scalars();

  const std::lock_guard lock(mutex_);
  now_ms_ = entry.stored_ms;
  moves_left_ = kMovesPerInsertion + entry.words / 4;
  insertions_.add();
  sweep_expired_of_main();

  bool to_main = entry.words > small_.entry_words_max();
  std::uint8_t heat = 0;
  if (const SlotRef old = find(key)) {
    replacements_.add();
    const std::uint64_t slot = old.load();
    heat = inherited_heat(old.heat(), EntryHeader::load(at(slot)).age_ms(now_ms_));
    to_main = to_main || main_.owns(slot) || Heat::frequency(old.heat()) > 0;
  } else {
    if (ghosts_.take(key.hash.lo)) {
      ghost_hits_.add();
      to_main = true;
    }
    make_room_among_items();
  }
  if (to_main) {
    make_room_in_main(entry.words);
  } else {
    make_room_in_small(entry.words);
  }

  const std::uint64_t position = (to_main ? main_ : small_).append(entry.words);
  write(position, entry, key, message, ttl_offsets);
  SlotRef ref = find(key);  // anew: making room may have moved or evicted it
  if (ref) {
    const std::uint64_t old = ref.load();
    ring_of(old).forget(EntryHeader::load(at(old)).words);
  } else {
    ref = take_slot(key.hash.lo);
  }
  ref.set_heat(heat);
  ref.store(tag_of(key.hash) | position);
  return true;
}

void CacheShard::write(std::uint64_t position, EntryHeader entry, const CacheKeyView& key, base::ByteView message,
                       std::span<const std::uint16_t> ttl_offsets) noexcept {
  std::uint64_t* p = at(position);
  entry.store(p);
  p += EntryHeader::kWords;
  const std::size_t name_end = dns::kHeaderBytes + key.name.length;
  for (std::size_t i = 0; i < message.size(); i += 8) {
    std::uint8_t octets[8] = {};
    std::memcpy(octets, message.data() + i, std::min<std::size_t>(8, message.size() - i));
    for (std::size_t j = std::max(i, dns::kHeaderBytes); j < std::min(i + 8, name_end); ++j)
      octets[j - i] = key.name.wire[j - dns::kHeaderBytes];  // lower-cased
    std::uint64_t word;
    std::memcpy(&word, octets, 8);
    store_word(p++, word);
  }
  for (std::size_t i = 0; i < ttl_offsets.size(); i += 4) {
    std::uint64_t word = 0;
    std::memcpy(&word, ttl_offsets.data() + i, 2 * std::min<std::size_t>(4, ttl_offsets.size() - i));
    store_word(p++, word);
  }
}

SlotRef CacheShard::find(const CacheKeyView& key) const noexcept {
  for (IndexBucket* bucket : index_.pair(key.hash.lo))
    for (std::size_t i = 0; i < IndexBucket::kSlots; ++i) {
      const std::uint64_t slot = load_word(&bucket->slots[i]);
      if (slot == 0 || (slot & ~kPositionMask) != tag_of(key.hash)) continue;
      std::uint64_t* p = at(slot);
      if (load_word(p + 1) != key.hash.lo || load_word(p + 3) != key.scalars()) continue;
      std::uint8_t head[dns::kHeaderBytes + dns::kNameBytesMax + 1];
      copy_octets(p + EntryHeader::kWords, head, dns::kHeaderBytes + key.name.length);
      if (std::memcmp(head + dns::kHeaderBytes, key.name.wire.data(), key.name.length) == 0) return {bucket, i};
    }
  return {};
}

/// An empty slot, made by force if need be: first a cold newcomer goes, last a hot entry of main.
SlotRef CacheShard::take_slot(std::uint64_t hash_lo) noexcept {
  SlotRef victim;
  unsigned least = ~0u;
  for (IndexBucket* bucket : index_.pair(hash_lo))
    for (std::size_t i = 0; i < IndexBucket::kSlots; ++i) {
      const SlotRef ref{bucket, i};
      const std::uint64_t slot = ref.load();
      if (slot == 0) return ref;
      const unsigned worth = Heat::frequency(ref.heat()) * 2u + (main_.owns(slot) ? 1 : 0);
      if (worth < least) {
        least = worth;
        victim = ref;
      }
    }
  const EntryHeader entry = EntryHeader::load(at(victim.load()));
  (is_dispensable(entry) ? expirations_ : evictions_).add();
  remove(victim, entry.words);
  return victim;
}

void CacheShard::remove(SlotRef ref, std::size_t words) noexcept {
  ring_of(ref.load()).forget(words);
  ref.store(0);
}

bool CacheShard::is_dispensable(const EntryHeader& entry) const noexcept {
  return entry.age_ms(now_ms_) >= entry.ttl_ms() + stale_max_ms_;
}

bool CacheShard::main_is_roomy(std::size_t words) const noexcept {
  const bool has_items_left = items_max_ == 0 || main_.entries() < items_max_ - items_max_ / 10;
  return has_items_left && (main_.can_grow() || main_.fits(words));
}

/// Pops a dead or expired entry from the tail; false if it is a live one.
bool CacheShard::drop_if_useless(EntryRing& ring, SlotRef ref, const EntryHeader& entry) noexcept {
  if (ref) {
    if (!is_dispensable(entry)) return false;
    expirations_.add();
    remove(ref, entry.words);
  }
  ring.pop(entry.words);
  return true;
}

/// Copies a live tail entry to the head of main, which has room beside it, and lets readers go there.
void CacheShard::move_to_main(SlotRef ref, const EntryHeader& entry, std::uint64_t from, unsigned frequency) noexcept {
  const std::uint64_t to = main_.append(entry.words);
  for (std::size_t i = 0; i < entry.words; ++i) store_word(at(to) + i, load_word(at(from) + i));
  ring_of(from).forget(entry.words);
  ref.set_heat(Heat::make(frequency, Heat::hits(ref.heat())));
  ref.store((ref.load() & ~kPositionMask) | to);
}

/// Handles the entry at the tail of small; its memory is free afterwards. True if it left the cache.
bool CacheShard::sweep_small() noexcept {
  const std::uint64_t position = small_.front();
  const EntryHeader entry = EntryHeader::load(at(position));
  SlotRef ref = index_.find_position(entry.hash, position);
  if (drop_if_useless(small_, ref, entry)) return static_cast<bool>(ref);
  if (Heat::frequency(ref.heat()) >= kPromotionFrequency || main_is_roomy(entry.words)) {
    make_room_in_main(entry.words);
    promotions_.add();
    move_to_main(ref, entry, position, Heat::frequency(ref.heat()));
    small_.pop(entry.words);
    return false;
  }
  ghosts_.remember(entry.hash);
  evictions_.add();
  remove(ref, entry.words);
  small_.pop(entry.words);
  return true;
}

/// Handles the entry at the tail of main: away with it, or once more round. True if it left the cache.
bool CacheShard::sweep_main() noexcept {
  const std::uint64_t position = main_.front();
  const EntryHeader entry = EntryHeader::load(at(position));
  const SlotRef ref = index_.find_position(entry.hash, position);
  if (drop_if_useless(main_, ref, entry)) return static_cast<bool>(ref);
  const unsigned frequency = Heat::frequency(ref.heat());
  if ((frequency > 0 || main_.can_grow()) && moves_left_ > 0 && main_.fits_exactly(entry.words)) {
    --moves_left_;
    move_to_main(ref, entry, position, main_.can_grow() ? frequency : frequency - 1);
    main_.pop(entry.words);
    return false;
  }
  evictions_.add();
  remove(ref, entry.words);
  main_.pop(entry.words);
  return true;
}

void CacheShard::make_room_in_small(std::size_t words) noexcept {
  while (!small_.fits(words))
    if (!small_.grow()) sweep_small();
}

void CacheShard::make_room_in_main(std::size_t words) noexcept {
  while (!main_.fits(words))
    if (!main_.grow()) sweep_main();
}

void CacheShard::make_room_among_items() noexcept {
  if (items_max_ == 0) return;
  while (small_.entries() + main_.entries() >= items_max_) {
    const bool small_has_its_share = small_.entries() * 10 > items_max_ || main_.entries() == 0;
    if (small_has_its_share && !small_.is_empty()) {
      sweep_small();
    } else {
      sweep_main();
    }
  }
}

void CacheShard::sweep_expired_of_main() noexcept {
  for (int i = 0; i < kSweepsPerInsertion && !main_.is_empty(); ++i) {
    const std::uint64_t position = main_.front();
    const EntryHeader entry = EntryHeader::load(at(position));
    if (!drop_if_useless(main_, index_.find_position(entry.hash, position), entry)) return;
  }
}

/// The heat of a refreshed entry: eviction's part anew, prefetch's part faded by its age against the window.
std::uint8_t CacheShard::inherited_heat(std::uint8_t heat, std::uint64_t age_ms) noexcept {
  const std::uint64_t hits = Heat::hits(heat);
  if (age_ms >= window_ms_) return 0;
  dither_ ^= dither_ << 13;
  dither_ ^= dither_ >> 7;
  dither_ ^= dither_ << 17;
  // Rounded at random, so that many short lives fade as much as one long one.
  const std::uint64_t faded = (hits * age_ms + dither_ % window_ms_) / window_ms_;
  return Heat::make(0, static_cast<unsigned>(hits - std::min(hits, faded)));
}

bool CacheShard::erase(const CacheKeyView& key) noexcept {
  const std::lock_guard lock(mutex_);
  const SlotRef ref = find(key);
  if (!ref) return false;
  remove(ref, EntryHeader::load(at(ref.load())).words);
  return true;
}

void CacheShard::clear() noexcept {
  const std::lock_guard lock(mutex_);
  for (std::size_t b = 0; b < index_.bucket_count(); ++b)
    for (std::size_t i = 0; i < IndexBucket::kSlots; ++i)
      if (const SlotRef ref{&index_[b], i}; ref.load() != 0) {  // unused pages are not touched for writing
        ref.store(0);
        ref.set_heat(0);
      }
  small_.clear();
  main_.clear();
  ghosts_.clear();
  memory_.discard(static_cast<std::size_t>(reinterpret_cast<std::uint8_t*>(words_) - memory_.data()));
}

void CacheShard::add_to(CacheStats& stats) const noexcept {
  stats.entries += small_.entries() + main_.entries();
  stats.bytes_used += small_.live_bytes() + main_.live_bytes();
  stats.bytes_touched += small_.bytes_touched() + main_.bytes_touched();
  stats.bytes_max += bytes_;
  stats.insertions += insertions_.value();
  stats.replacements += replacements_.value();
  stats.evictions += evictions_.value();
  stats.expirations += expirations_.value();
  stats.promotions += promotions_.value();
  stats.ghost_hits += ghost_hits_.value();
  stats.rejected_too_large += rejected_too_large_.value();
  stats.rejected_mismatch += rejected_mismatch_.value();
}

void CacheShard::for_each(base::Instant now, const std::function<void(const CacheEntryView&)>& visit) {
  const std::lock_guard lock(mutex_);
  now_ms_ = EntryHeader::clock_ms(now);
  for (std::size_t b = 0; b < index_.bucket_count(); ++b)
    for (std::size_t i = 0; i < IndexBucket::kSlots; ++i) {
      const std::uint64_t slot = load_word(&index_[b].slots[i]);
      if (slot == 0) continue;
      const EntryHeader entry = EntryHeader::load(at(slot));
      if (is_dispensable(entry)) continue;
      // Entries are written under the mutex only, so that plain reads see them at rest.
      const base::ByteView message(reinterpret_cast<const std::uint8_t*>(at(slot) + EntryHeader::kWords),
                                   entry.message_length);
      const std::uint64_t age_ms = entry.age_ms(now_ms_);
      const CacheKeyView::Scalars scalars = CacheKeyView::unpack(entry.scalars);
      visit(CacheEntryView{dns::NameView(message.subspan(dns::kHeaderBytes, scalars.name_length)), scalars.qtype,
                           scalars.cache_group, scalars.dnssec_ok, scalars.checking_disabled, message,
                           static_cast<std::uint32_t>(age_ms / 1000),
                           age_ms < entry.ttl_ms() ? entry.ttl - static_cast<std::uint32_t>(age_ms / 1000) : 0,
                           (entry.flags & EntryHeader::kPrefetched) != 0});
    }
}

}  // namespace rampart::resolver
