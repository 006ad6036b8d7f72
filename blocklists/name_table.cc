#include "blocklists/name_table.h"

#include <algorithm>
#include <bit>

namespace rampart::blocklists {

static_assert(std::endian::native == std::endian::little, "entries are read as little-endian words");

NameTable::NameTable(std::size_t count)
    : bucket_count_(static_cast<std::size_t>(static_cast<double>(count) / (kSlots * kLoad)) + 1),
      line_count_(count * kFilterBits / 512 + 1),
      memory_(line_count_ + bucket_count_, /*huge_pages=*/true) {}

void NameTable::append(std::uint64_t hash, std::uint32_t id) {
  Line& line = memory_[place(hash, line_count_)];
  const FilterBits bits = filter_bits(hash);
  for (std::size_t i = 0; i < bits.word.size(); ++i) line.words[bits.word[i]] |= bits.mask[i];

  std::uint64_t inline_id = id;
  if (id >= kInlineIds) {
    side_.push_back({hash, id});
    inline_id = kInlineIds;
  }
  const std::uint64_t word = ((hash & kFingerprintMask) << kIdBits) | inline_id;
  // Ends: the table has more slots than names.
  for (std::size_t b = place(hash, bucket_count_);; b = b + 1 == bucket_count_ ? 0 : b + 1) {
    std::uint8_t* const room = reinterpret_cast<std::uint8_t*>(memory_.data() + line_count_ + b);
    for (std::size_t slot = 0; slot < kSlots; ++slot) {
      if ((entry(room, slot) & kIdMask) == 0) {
        std::memcpy(room + 7 * slot, &word, 7);
        return;
      }
    }
    room[kOverflowAt] |= overflow_bit(hash);
  }
}

std::uint32_t NameTable::find(std::uint64_t hash) const noexcept {
  const std::uint64_t fingerprint = hash & kFingerprintMask;
  const std::uint8_t overflow = overflow_bit(hash);
  std::size_t b = place(hash, bucket_count_);
  for (std::size_t step = 0; step < bucket_count_; ++step) {
    const std::uint8_t* const entries = bucket(b);
    unsigned hits = 0;
    for (std::size_t slot = 0; slot < kSlots; ++slot) {
      hits |= unsigned{((entry(entries, slot) >> kIdBits) & kFingerprintMask) == fingerprint} << slot;
    }
    for (; hits != 0; hits &= hits - 1) {
      const auto id = static_cast<std::uint32_t>(entry(entries, static_cast<std::size_t>(std::countr_zero(hits))) & kIdMask);
      if (id == kInlineIds) return find_side(hash);
      if (id != 0) return id;  // 0: an empty slot, which a fingerprint of zero resembles
    }
    if ((entries[kOverflowAt] & overflow) == 0) return 0;
    if (++b == bucket_count_) b = 0;
  }
  return 0;
}

std::uint32_t NameTable::find_side(std::uint64_t hash) const noexcept {
  const auto it = std::lower_bound(side_.begin(), side_.end(), hash,
                                   [](const SideEntry& entry, std::uint64_t h) { return entry.hash < h; });
  return it != side_.end() && it->hash == hash ? it->id : 0;
}

}  // namespace rampart::blocklists
