// A queue of entries in a fixed piece of memory: appended at the head, removed at the tail, both walking round.
// A place in it is named by lap and offset, so a name is not used again for 16,383 laps, far longer than any
// reader can hold one. An entry never lies across the end: the rest is filled up and the head goes to 0.
//
// The queue uses only the beginning of its memory while that suffices: when full, it doubles its length only if
// more than half of it is live; else it makes room by going round. So a small network's cache stays small.
#pragma once

#include <algorithm>
#include <cassert>
#include <cstddef>
#include <cstdint>

#include "base/counter.h"
#include "resolver/cache_entry.h"

namespace rampart::resolver {

/// Guarded by the mutex of its shard, except that counters may be read by anyone.
class EntryRing {
 public:
  static constexpr unsigned kOffsetBits = 28;  ///< of words: 2 GiB for each shard
  static constexpr unsigned kLapBits = 14;
  static constexpr unsigned kPositionBits = kOffsetBits + kLapBits;
  static constexpr std::uint64_t kOffsetMask = (std::uint64_t{1} << kOffsetBits) - 1;
  static constexpr std::size_t kStartWords = 32768;  ///< 256 KiB

  /// `memory` is the shard's whole area; this ring owns [base, base + capacity) of it.
  EntryRing(std::uint64_t* memory, std::size_t base, std::size_t capacity) noexcept
      : memory_(memory), base_(base), capacity_(capacity), limit_(std::min(capacity, kStartWords)) {}

  [[nodiscard]] std::size_t entry_words_max() const noexcept { return capacity_ / 4; }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] bool is_empty() const noexcept { return used_ == 0; }
  [[nodiscard]] bool can_grow() const noexcept { return limit_ < capacity_; }
  [[nodiscard]] bool owns(std::uint64_t position) const noexcept {
    const std::size_t offset = position & kOffsetMask;
    return offset >= base_ && offset < base_ + capacity_;
  }

  /// A slack is kept free so that a tail entry can be copied to the head without overlapping itself.
  [[nodiscard]] bool fits(std::size_t words) const noexcept { return fits_exactly(words + limit_ / 64); }
  [[nodiscard]] bool fits_exactly(std::size_t words) const noexcept { return used_ + padding(words) + words <= limit_; }

  /// Lengthens the ring if it is mostly live and memory is left. Possible only while head and tail are in one lap.
  bool grow() noexcept {
    if (!can_grow() || lap_ != tail_lap_ || live_words_ * 2 <= limit_) return false;
    limit_ = std::min(capacity_, limit_ * 2);
    return true;
  }

  /// Takes the next `words` words; the caller has seen them fit, and fills them before publishing the position.
  [[nodiscard]] std::uint64_t append(std::size_t words) noexcept {
    assert(fits_exactly(words));
    if (head_ + words > limit_) {
      if (head_ < limit_) {
        const std::uint64_t filler = limit_ - head_;
        store_word(memory_ + base_ + head_, filler | (std::uint64_t{EntryHeader::kFiller} << 48));
        used_ += filler;
      }
      head_ = 0;
      lap_ = next_lap(lap_);
    }
    const std::uint64_t position = name(lap_, head_);
    head_ += words;
    if (head_ * 8 > bytes_touched_.value()) bytes_touched_.set(head_ * 8);
    used_ += words;
    live_words_ += words;
    entries_.add();
    words_in_use_.set(live_words_);
    return position;
  }

  /// The oldest entry, dead or alive. Not for an empty ring. (A filler is always followed by an entry.)
  [[nodiscard]] std::uint64_t front() noexcept {
    if (tail_ == limit_ && lap_ != tail_lap_) wrap_tail();
    const std::uint64_t shape = load_word(memory_ + base_ + tail_);
    if (static_cast<std::uint8_t>(shape >> 48) & EntryHeader::kFiller) {
      used_ -= shape & 0xffff;
      wrap_tail();
    }
    return name(tail_lap_, tail_);
  }

  /// Frees the memory of the entry that front() returned; its length is `words`.
  void pop(std::size_t words) noexcept {
    tail_ += words;
    used_ -= words;
    if (used_ == 0) restart();
  }

  /// An entry's slot was cleared or now points elsewhere: its memory is dead until the tail reaches it.
  void forget(std::size_t words) noexcept {
    live_words_ -= words;
    entries_.set(entries_.value() - 1);
    words_in_use_.set(live_words_);
  }

  void clear() noexcept {
    used_ = live_words_ = 0;
    limit_ = std::min(capacity_, kStartWords);
    entries_.set(0);
    words_in_use_.set(0);
    bytes_touched_.set(0);
    restart();
  }

  [[nodiscard]] std::size_t entries() const noexcept { return entries_.value(); }
  [[nodiscard]] std::size_t bytes_touched() const noexcept { return bytes_touched_.value(); }
  [[nodiscard]] std::size_t live_bytes() const noexcept { return words_in_use_.value() * 8; }

 private:
  static std::uint64_t next_lap(std::uint64_t lap) noexcept {  // 0 is never used: a position is never 0
    return lap + 1 < (std::uint64_t{1} << kLapBits) ? lap + 1 : 1;
  }
  [[nodiscard]] std::uint64_t name(std::uint64_t lap, std::size_t offset) const noexcept {
    return (lap << kOffsetBits) | (base_ + offset);
  }
  [[nodiscard]] std::size_t padding(std::size_t words) const noexcept {
    return head_ + words > limit_ ? limit_ - head_ : 0;
  }
  void wrap_tail() noexcept {
    tail_ = 0;
    tail_lap_ = next_lap(tail_lap_);
  }
  void restart() noexcept {
    head_ = tail_ = 0;
    lap_ = tail_lap_ = next_lap(lap_);
  }

  std::uint64_t* const memory_;
  const std::size_t base_;
  const std::size_t capacity_;
  std::size_t limit_;  ///< words in use from base_ on, at most capacity_
  std::size_t head_ = 0;
  std::size_t tail_ = 0;
  std::size_t used_ = 0;  ///< words from tail to head, dead entries and fillers included
  std::size_t live_words_ = 0;
  std::uint64_t lap_ = 1;
  std::uint64_t tail_lap_ = 1;
  base::Counter entries_;
  base::Counter words_in_use_;
  base::Counter bytes_touched_;
};

}  // namespace rampart::resolver
