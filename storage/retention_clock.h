// From when retention counts back. A wall clock that is ahead, be it by a flat battery, a typing error or a bad
// time server, would make all of a log look old and have it erased. So the clock is believed as far as the log
// bears it out, or the time that this process has run. A log that was silent for long looks the same as a clock
// that is wrong; what is logged next tells them apart: with two days of entries the clock counts again, and what is
// too old goes.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>

#include "base/log.h"
#include "base/time.h"

namespace rampart::storage {

/// One for each sink; used by its thread.
class RetentionClock {
 public:
  /// Entries of so much time prove that the clock has gone on, and was not only set.
  static constexpr std::chrono::days kProof{2};
  /// A clock further ahead of the witness is doubted.
  static constexpr std::chrono::days kBelieved{3};

  /// The moment from which to count back, never later than `now`.
  /// witness  the newest entry that is older than the newest by kProof; if there is none, the newest; nullopt if
  ///          nothing is stored.
  [[nodiscard]] base::WallTime count_from(base::WallTime now, base::Instant monotonic,
                                          std::optional<base::WallTime> witness) {
    const bool is_doubted = witness && now - *witness > kBelieved;
    base::WallTime from = is_doubted ? *witness : now;
    if (!first_) first_ = {from, monotonic};
    const auto has_run = std::chrono::duration_cast<base::WallTime::duration>(monotonic - first_->monotonic);
    from = std::clamp(first_->wall + has_run, from, now);
    const bool is_held = now - from > kBelieved;
    if (is_held && !was_held_)
      base::log::warn("queryLog",
                      "the clock is far ahead of the log: retention counts from older entries until it has two "
                      "days of new ones; check the clock",
                      {{"days", std::to_string(std::chrono::floor<std::chrono::days>(now - from).count())}});
    was_held_ = is_held;
    return from;
  }

 private:
  struct Moment {
    base::WallTime wall;
    base::Instant monotonic;
  };
  std::optional<Moment> first_;
  bool was_held_ = false;
};

}  // namespace rampart::storage
