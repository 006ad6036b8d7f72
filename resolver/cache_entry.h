// How one entry lies in the cache's memory. Everything there is 64-bit words, because readers copy while writers
// may already be reusing the place: each word is read and written atomically, so a race yields a wrong word
// (found out by checking the index slot afterwards), never undefined behaviour.
//
//   word 0   entry length in words : 16 | message length : 16 | number of TTL offsets : 16 | flags : 8
//   word 1   low half of the key's hash: finds the index bucket again when the entry is evicted
//   word 2   when it was stored, ms : 40 | TTL, s : 24
//   word 3   the key without its name (CacheKeyView::scalars)
//   then     the message, whose question at offset 12 is the key's name; then the TTL offsets, four in a word
//
// The order of accesses is the argument for correctness: a writer clears or changes every slot that points to
// a place before it stores (release) new words there; a reader loads words (acquire) and then the slot again.
// Had it seen one new word, it would see the changed slot.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/bytes.h"
#include "base/time.h"

namespace rampart::resolver {

inline std::uint64_t load_word(std::uint64_t* p) noexcept {
  return std::atomic_ref<std::uint64_t>(*p).load(std::memory_order_acquire);
}
inline void store_word(std::uint64_t* p, std::uint64_t value) noexcept {
  std::atomic_ref<std::uint64_t>(*p).store(value, std::memory_order_release);
}

struct EntryHeader {
  static constexpr std::size_t kWords = 4;
  static constexpr std::uint8_t kFiller = 1;      ///< unused words at the end of a ring
  static constexpr std::uint8_t kPrefetched = 2;
  /// About 194 days. RFC 8767 4 and RFC 2308 5 recommend far lower ceilings.
  static constexpr std::uint32_t kTtlMax = (1u << 24) - 1;
  static constexpr std::uint64_t kClockMask = (std::uint64_t{1} << 40) - 1;  ///< 34 years of uptime in ms

  std::uint64_t words = 0;
  std::uint64_t message_length = 0;
  std::uint64_t ttl_count = 0;
  std::uint8_t flags = 0;
  std::uint64_t hash = 0;
  std::uint64_t stored_ms = 0;
  std::uint32_t ttl = 0;
  std::uint64_t scalars = 0;

  static EntryHeader load(std::uint64_t* p) noexcept {
    const std::uint64_t shape = load_word(p);
    const std::uint64_t time = load_word(p + 2);
    return {shape & 0xffff, (shape >> 16) & 0xffff, (shape >> 32) & 0xffff, static_cast<std::uint8_t>(shape >> 48),
            load_word(p + 1), time & kClockMask, static_cast<std::uint32_t>(time >> 40), load_word(p + 3)};
  }
  void store(std::uint64_t* p) const noexcept {
    store_word(p, words | (message_length << 16) | (ttl_count << 32) | (std::uint64_t{flags} << 48));
    store_word(p + 1, hash);
    store_word(p + 2, stored_ms | (std::uint64_t{ttl} << 40));
    store_word(p + 3, scalars);
  }

  [[nodiscard]] static std::size_t message_words(std::size_t length) noexcept { return (length + 7) / 8; }
  [[nodiscard]] static std::size_t words_for(std::size_t message_length, std::size_t ttl_count) noexcept {
    return kWords + message_words(message_length) + (ttl_count + 3) / 4;
  }
  /// False for a header read while it was being overwritten (or for a filler).
  [[nodiscard]] bool is_consistent() const noexcept { return words == words_for(message_length, ttl_count); }

  [[nodiscard]] static std::uint64_t clock_ms(base::Instant now) noexcept {
    using std::chrono::duration_cast;
    const auto ms = duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count();
    return static_cast<std::uint64_t>(ms) & kClockMask;
  }
  /// Milliseconds since it was stored; 0 if another thread's clock reading was ahead of ours.
  [[nodiscard]] std::uint64_t age_ms(std::uint64_t now_ms) const noexcept {
    const std::uint64_t age = (now_ms - stored_ms) & kClockMask;
    return age <= kClockMask / 2 ? age : 0;
  }
  [[nodiscard]] std::uint64_t ttl_ms() const noexcept { return std::uint64_t{ttl} * 1000; }
};

/// Copies `length` octets that start at word `p`.
inline void copy_octets(std::uint64_t* p, std::uint8_t* out, std::size_t length) noexcept {
  for (; length >= 8; length -= 8, out += 8, ++p) {
    const std::uint64_t word = load_word(p);
    std::memcpy(out, &word, 8);
  }
  if (length != 0) {
    const std::uint64_t word = load_word(p);
    std::memcpy(out, &word, length);
  }
}

}  // namespace rampart::resolver
