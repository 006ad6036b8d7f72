// What the shared state tells health document, metrics and `rampart status`: how it stands with Redis, and what
// became of every entry and message.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"

namespace rampart::storage {

enum class RedisState : std::uint8_t {
  kConnecting,  ///< first attempt since start
  kUp,
  kDown,        ///< everything is local; joined again as soon as it answers
  kStopped,
};

[[nodiscard]] constexpr std::string_view to_text(RedisState state) noexcept {
  switch (state) {
    case RedisState::kConnecting: return "connecting";
    case RedisState::kUp: return "up";
    case RedisState::kDown: return "down";
    case RedisState::kStopped: return "stopped";
  }
  return "";
}

/// What became of an entry that came from Redis.
enum class TakeOver : std::uint8_t {
  kStored,
  kMalformed,      ///< no DNS message, or no response
  kWrongQuestion,  ///< another question than its key's
  kUnusable,       ///< an error, truncated, without a lifetime, or excluded by our own policy
  kExpired,        ///< Redis has no TTL for it any more
  kRefused,        ///< the cache had no room for so large a message
};
inline constexpr std::size_t kTakeOverCount = 6;

[[nodiscard]] constexpr std::string_view to_text(TakeOver outcome) noexcept {
  switch (outcome) {
    case TakeOver::kStored: return "stored";
    case TakeOver::kMalformed: return "malformed";
    case TakeOver::kWrongQuestion: return "wrong_question";
    case TakeOver::kUnusable: return "unusable";
    case TakeOver::kExpired: return "expired";
    case TakeOver::kRefused: return "refused";
  }
  return "";
}

struct RedisStatus {
  RedisState state = RedisState::kConnecting;
  base::WallTime since{};     ///< of `state`
  std::string server;         ///< "192.0.2.7:6379": the master in use, or last used; "" before the first
  std::string last_error;     ///< kept after recovery; "" if there never was one
  base::WallTime last_error_at{};

  std::uint64_t connects = 0;   ///< times it became up
  std::uint64_t failures = 0;   ///< attempts that failed, and connections that were lost

  // answers of ours
  std::uint64_t published = 0;          ///< sent to Redis, stored by it
  std::uint64_t publish_refused = 0;    ///< Redis did not store them (memory full, read-only, wrong rights)
  std::uint64_t dropped_ring_full = 0;  ///< between a worker and the Redis thread
  std::uint64_t dropped_queue_full = 0; ///< waited for Redis too long: the oldest went
  std::uint64_t dropped_expired = 0;    ///< their TTL ended while they waited
  std::uint64_t queued = 0;             ///< waiting now

  // answers of others: by TakeOver
  std::uint64_t taken_over[kTakeOverCount] = {};
  std::uint64_t own_messages = 0;       ///< our own, come back
  std::uint64_t bad_messages = 0;       ///< no message of Blocky's form, or beyond its bounds
  std::uint64_t bad_entries = 0;        ///< entries of a good message without key or data
  std::uint64_t dropped_lookups_full = 0;  ///< too many entries waited for their TTL
  std::uint64_t warm_started = 0;       ///< part of taken_over[kStored] that was read from stored keys

  std::uint64_t warm_cut_short = 0;  ///< warm starts that ended at a bound (time, or number of keys) before all was read

  // blocking state
  std::uint64_t blocking_published = 0;
  std::uint64_t blocking_adopted = 0;   ///< changes of others that came into force here
  std::uint64_t blocking_stale = 0;     ///< older than what is in force
  std::uint64_t blocking_rejected = 0;  ///< unknown group, or a time too far in the future
  std::uint64_t blocking_repaired = 0;  ///< times the stored state was missing or older, and was written again
};

}  // namespace rampart::storage
