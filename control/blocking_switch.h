// Whether blocking is on: for everybody, or off for some groups, for a time or until somebody switches it on again.
// The decision reaches the query path as a mask in the next PolicySnapshot; no lock is ever taken there.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "blocklists/verdict.h"

namespace rampart::control {

/// Longer times are cut to this: far above any use, and neither the 64-bit clock in nanoseconds nor the 32-bit seconds of
/// the API overflow.
inline constexpr std::chrono::milliseconds kDisabledMax = std::chrono::hours(24 * 365 * 100);

struct BlockingState {
  bool enabled = true;                       ///< false also for a partial disable
  std::vector<std::string> disabled_groups;  ///< sorted
  std::optional<base::Instant> until;        ///< nullopt: until enabled
};

class BlockingSwitch {
 public:
  /// `groups` are those that may be named: the denylist groups and `default`, as Blocky has it. What is disabled
  /// for all is so for new ones, too.
  void set_known_groups(std::vector<std::string> groups);

  void enable();
  /// Empty `groups`: all known ones. An unknown group changes nothing: "group 'x' is unknown (known: ...)".
  [[nodiscard]] base::Status disable(std::chrono::milliseconds duration, const std::vector<std::string>& groups,
                                     base::Instant now);
  /// Switches on again when the time is over; true if that happened.
  bool expire(base::Instant now);

  [[nodiscard]] const BlockingState& state() const noexcept { return state_; }
  [[nodiscard]] bool is_disabled(const std::string& group) const;

 private:
  std::vector<std::string> known_;
  bool all_disabled_ = false;
  BlockingState state_;
};

}  // namespace rampart::control
