// A bounded ring of variable-length records between exactly two threads: one producer (a worker, which must never
// wait) and one consumer. Each record lies in one piece, so the consumer reads it in place; a record that does not
// fit before the end of the buffer is put at its beginning, behind a skip mark. A full ring refuses the record and
// counts it: the producer never waits, allocates, locks or enters the kernel.
//
// An empty ring begins at the front of its buffer again: with a consumer that keeps up both threads walk over the
// same few pages, which stay in their caches, and not over all of them.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>

#include "base/bytes.h"
#include "base/counter.h"

namespace rampart::base {

class SpscByteRing {
 public:
  static constexpr std::size_t kAlign = 8;  ///< of records; also the room of a length
  static constexpr std::size_t kCapacityMin = 4096;
  static constexpr std::size_t kCapacityMax = std::size_t{1} << 30;  // lengths are 32-bit

  /// `capacity` is rounded up to a power of two within [kCapacityMin, kCapacityMax]. The pages are touched here,
  /// so that the first lap of the producer takes no page faults.
  explicit SpscByteRing(std::size_t capacity)
      : capacity_(std::bit_ceil(std::clamp(capacity, kCapacityMin, kCapacityMax))),
        buffer_(std::make_unique<std::uint64_t[]>(capacity_ / kAlign)) {}

  SpscByteRing(const SpscByteRing&) = delete;
  SpscByteRing& operator=(const SpscByteRing&) = delete;

  // --- producer -------------------------------------------------------------------------------------------

  /// Room for one record of `length` octets in one piece, aligned to 8, or nullptr (counted) when the ring is too
  /// full or the record too large for it. The record becomes visible with commit(); a second reserve() without a
  /// commit() gives the same room again.
  [[nodiscard]] std::uint8_t* reserve(std::size_t length) noexcept {
    const std::size_t need = footprint(length);
    if (length > record_bytes_max()) return refuse();
    const std::uint64_t at = head_.load(std::memory_order_relaxed);
    std::uint64_t front = front_.load(std::memory_order_relaxed);
    if (front != at && tail_.load(std::memory_order_acquire) == at) {
      // Nobody reads it before there is a record again, and then commit() has published it.
      front_.store(front = at, std::memory_order_relaxed);
    }
    const std::size_t offset = (at - front) & (capacity_ - 1);
    const std::size_t to_end = capacity_ - offset;
    const std::size_t skip = need > to_end ? to_end : 0;
    if (at + skip + need - tail_seen_ > capacity_) {
      tail_seen_ = tail_.load(std::memory_order_acquire);
      if (at + skip + need - tail_seen_ > capacity_) return refuse();
    }
    if (skip != 0) put_length(offset, kSkip);
    const std::size_t start = skip != 0 ? 0 : offset;
    put_length(start, static_cast<std::uint32_t>(length));
    reserved_end_ = at + skip + need;
    return octets() + start + kAlign;
  }

  /// Publishes the record of the last successful reserve().
  void commit() noexcept {
    head_.store(reserved_end_, std::memory_order_release);
    pushed_.add();
  }

  // --- consumer -------------------------------------------------------------------------------------------

  /// Calls `visit(ByteView)` for at most `records_max` waiting records, oldest first, then frees their room at
  /// once. The views are valid only inside the call. Returns how many there were.
  template <class Visitor>
  std::size_t consume(Visitor&& visit, std::size_t records_max = SIZE_MAX) {
    const std::uint64_t end = head_.load(std::memory_order_acquire);
    std::uint64_t at = tail_.load(std::memory_order_relaxed);
    if (at == end) return 0;
    const std::uint64_t front = front_.load(std::memory_order_relaxed);
    std::size_t count = 0;
    while (at != end && count < records_max) {
      const std::size_t offset = (at - front) & (capacity_ - 1);
      const std::uint32_t length = get_length(offset);
      if (length == kSkip) {
        at += capacity_ - offset;
        continue;
      }
      visit(ByteView{octets() + offset + kAlign, length});
      at += footprint(length);
      ++count;
    }
    tail_.store(at, std::memory_order_release);
    return count;
  }

  // --- any thread -----------------------------------------------------------------------------------------

  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  /// A record of this length fits into an empty ring wherever its head stands.
  [[nodiscard]] std::size_t record_bytes_max() const noexcept { return capacity_ / 2 - kAlign; }
  [[nodiscard]] std::uint64_t pushed() const noexcept { return pushed_.value(); }
  [[nodiscard]] std::uint64_t refused() const noexcept { return refused_.value(); }
  /// Octets in use; exact only for the two threads themselves.
  [[nodiscard]] std::size_t used() const noexcept {
    const std::uint64_t tail = tail_.load(std::memory_order_acquire);
    return static_cast<std::size_t>(head_.load(std::memory_order_acquire) - tail);
  }

 private:
  static constexpr std::size_t kCacheLine = 64;
  static constexpr std::uint32_t kSkip = UINT32_MAX;

  static std::size_t footprint(std::size_t length) noexcept {
    return kAlign + ((length + kAlign - 1) & ~(kAlign - 1));
  }
  std::uint8_t* octets() noexcept { return reinterpret_cast<std::uint8_t*>(buffer_.get()); }
  void put_length(std::size_t offset, std::uint32_t length) noexcept {
    std::memcpy(octets() + offset, &length, sizeof length);
  }
  std::uint32_t get_length(std::size_t offset) noexcept {
    std::uint32_t length = 0;
    std::memcpy(&length, octets() + offset, sizeof length);
    return length;
  }
  std::uint8_t* refuse() noexcept {
    refused_.add();
    return nullptr;
  }

  // constant after construction
  const std::size_t capacity_;
  const std::unique_ptr<std::uint64_t[]> buffer_;
  // written by the producer; head and tail count octets since the beginning and never wrap in practice
  alignas(kCacheLine) std::atomic<std::uint64_t> head_{0};
  std::atomic<std::uint64_t> front_{0};  ///< the count of octets that stands for the front of the buffer
  std::uint64_t tail_seen_ = 0;
  std::uint64_t reserved_end_ = 0;
  Counter pushed_;
  Counter refused_;
  // written by the consumer
  alignas(kCacheLine) std::atomic<std::uint64_t> tail_{0};
};

}  // namespace rampart::base
