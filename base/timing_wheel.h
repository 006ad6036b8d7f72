// Deadlines by the hundred thousand: arm and cancel are O(1), nothing allocates, and one kernel timer serves
// all of them (it is set to next_tick_or_max()).
//
// Seven levels of 64 slots, each slot a list of entries. An entry sits on the level of the highest base-64
// digit in which its tick differs from the current tick. So a lower level always holds the earlier deadlines,
// one bitmap for each level finds the next one, and reaching a slot of a higher level spreads its entries
// over the levels below. Seven levels of 2^20 ns ticks last 146 years: nothing ever wraps.
#pragma once

#include <array>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace rampart::base {

/// Base of whatever has a deadline. Belongs to the thread of its wheel; may be destroyed while armed.
class TimerEntry {
 public:
  TimerEntry() = default;
  ~TimerEntry() { unlink(); }
  TimerEntry(const TimerEntry&) = delete;
  TimerEntry& operator=(const TimerEntry&) = delete;

  [[nodiscard]] bool is_armed() const noexcept { return next_ != nullptr; }

 private:
  friend class TimingWheel;

  void unlink() noexcept {
    if (next_ == nullptr) return;
    previous_->next_ = next_;
    next_->previous_ = previous_;
    next_ = previous_ = nullptr;
  }

  TimerEntry* next_ = nullptr;
  TimerEntry* previous_ = nullptr;
  std::uint64_t tick_ = 0;
};

/// One thread's timers. An entry never expires early, and at most one tick late (plus the delay of advance()).
class TimingWheel {
 public:
  /// 2^20 ns, about 1.05 ms: a power of two, so that no division is needed.
  static constexpr Duration kTick{1 << 20};

  explicit TimingWheel(Instant start) noexcept : start_(start) {
    for (TimerEntry& head : heads_) head.next_ = head.previous_ = &head;
  }
  ~TimingWheel() {
    for (TimerEntry& head : heads_)
      while (head.next_ != &head) head.next_->unlink();
  }
  TimingWheel(const TimingWheel&) = delete;
  TimingWheel& operator=(const TimingWheel&) = delete;

  /// Sets or moves the deadline of `entry`. A deadline already past expires at the next tick; one armed from
  /// inside advance() never expires in that same advance().
  void arm(TimerEntry& entry, Instant deadline) noexcept {
    cancel(entry);
    entry.tick_ = tick_at_or_after(deadline);
    if (entry.tick_ < earliest_) entry.tick_ = earliest_;
    insert(entry);
  }

  /// Forgets the deadline; harmless on an entry that is not armed.
  void cancel(TimerEntry& entry) noexcept {
    if (!entry.is_armed()) return;
    if (entry.next_ == entry.previous_) {  // the last of its list: both neighbours are the head
      const std::size_t slot = static_cast<std::size_t>(entry.next_ - heads_.data());
      occupied_[slot / kSlots] &= ~(std::uint64_t{1} << (slot % kSlots));
    }
    entry.unlink();
  }

  /// Disarms every entry whose deadline is at or before `now` and calls `on_expired(TimerEntry&)` for it, in
  /// order of ticks. The callback may arm, cancel or destroy any entry. `now` going backwards is ignored.
  template <class F>
  void advance(Instant now, F&& on_expired) {
    assert(!is_advancing_ && "advance() from inside its own callback");
    const std::uint64_t target = tick_at_or_before(now);
    if (target < earliest_) return;
    earliest_ = target + 1;
    is_advancing_ = true;
    for (Event event = next_event(); event.tick <= target; event = next_event()) {
      current_ = event.tick;
      TimerEntry& head = heads_[event.slot];
      if (event.slot < kSlots) {
        while (head.next_ != &head) {
          TimerEntry& entry = *head.next_;
          entry.unlink();
          on_expired(entry);
        }
      } else {
        while (head.next_ != &head) {
          TimerEntry& entry = *head.next_;
          entry.unlink();
          insert(entry);
        }
      }
      occupied_[event.slot / kSlots] &= ~(std::uint64_t{1} << (event.slot % kSlots));
    }
    current_ = target;
    is_advancing_ = false;
  }

  /// When advance() should be called next: never later than the next deadline (rounded up to its tick),
  /// at times earlier, when entries have to be spread over lower levels. Instant::max() if nothing is armed.
  [[nodiscard]] Instant next_tick_or_max() const noexcept {
    const Event event = next_event();
    return event.tick == kNever ? Instant::max() : start_ + kTick * static_cast<std::int64_t>(event.tick);
  }

 private:
  static constexpr unsigned kDigitBits = 6;
  static constexpr std::size_t kSlots = std::size_t{1} << kDigitBits;
  static constexpr std::size_t kLevels = 7;
  static constexpr std::uint64_t kTickMax = (std::uint64_t{1} << (kDigitBits * kLevels)) - 1;
  static constexpr std::uint64_t kNever = ~std::uint64_t{0};
  static constexpr unsigned kTickShift = 20;

  struct Event {
    std::uint64_t tick;
    std::size_t slot;  ///< level * kSlots + digit
  };

  [[nodiscard]] std::uint64_t tick_at_or_before(Instant t) const noexcept {
    if (t <= start_) return 0;
    const std::uint64_t tick = since_start(t) >> kTickShift;
    return tick < kTickMax ? tick : kTickMax - 1;  // so that earliest_ stays within the wheel
  }
  [[nodiscard]] std::uint64_t tick_at_or_after(Instant t) const noexcept {
    if (t <= start_) return 0;
    const std::uint64_t tick = (since_start(t) + (std::uint64_t{1} << kTickShift) - 1) >> kTickShift;
    return tick < kTickMax ? tick : kTickMax;
  }
  /// Unsigned, so that Instant::max() minus an early start cannot overflow.
  [[nodiscard]] std::uint64_t since_start(Instant t) const noexcept {
    return static_cast<std::uint64_t>(t.time_since_epoch().count()) -
           static_cast<std::uint64_t>(start_.time_since_epoch().count());
  }

  void insert(TimerEntry& entry) noexcept {
    const std::uint64_t difference = (entry.tick_ ^ current_) | 1;
    const unsigned level = static_cast<unsigned>(std::bit_width(difference) - 1) / kDigitBits;
    const std::size_t digit = (entry.tick_ >> (level * kDigitBits)) % kSlots;
    occupied_[level] |= std::uint64_t{1} << digit;
    TimerEntry& head = heads_[level * kSlots + digit];
    entry.next_ = &head;
    entry.previous_ = head.previous_;
    head.previous_->next_ = &entry;
    head.previous_ = &entry;
  }

  [[nodiscard]] Event next_event() const noexcept {
    for (std::size_t level = 0; level < kLevels; ++level) {
      if (occupied_[level] == 0) continue;
      const auto digit = static_cast<std::uint64_t>(std::countr_zero(occupied_[level]));
      const unsigned shift = static_cast<unsigned>(level) * kDigitBits;
      const std::uint64_t above = current_ >> (shift + kDigitBits) << (shift + kDigitBits);
      return {above | (digit << shift), level * kSlots + digit};
    }
    return {kNever, 0};
  }

  const Instant start_;
  std::uint64_t current_ = 0;   ///< every deadline up to this tick has expired
  std::uint64_t earliest_ = 1;  ///< the first tick that a deadline may still get
  bool is_advancing_ = false;
  std::array<std::uint64_t, kLevels> occupied_{};  ///< a set bit may be stale (entry destroyed), never missing
  std::array<TimerEntry, kLevels * kSlots> heads_;
};

}  // namespace rampart::base
