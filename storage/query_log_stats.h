// What the query log tells health document and metrics. Every event pushed ends in exactly one of: ignored,
// written, stdout_fallback, spool_waiting, or one of the drops (once the rings and queues have run empty).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/time.h"

namespace rampart::storage {

enum class SinkState : std::uint8_t {
  kStarting,   ///< first attempt to open is under way
  kUp,
  kReplaying,  ///< up, and writing out what waits in the spool
  kDown,       ///< entries go to spool or stdout; joined again as soon as it answers
  kStopped,
};

[[nodiscard]] constexpr std::string_view to_text(SinkState state) noexcept {
  switch (state) {
    case SinkState::kStarting: return "starting";
    case SinkState::kUp: return "up";
    case SinkState::kReplaying: return "replaying";
    case SinkState::kDown: return "down";
    case SinkState::kStopped: return "stopped";
  }
  return "";
}

struct QueryLogStats {
  std::string sink;              ///< "console", "postgresql", ...
  SinkState state = SinkState::kStarting;
  base::WallTime since{};        ///< of `state`
  std::string last_error;        ///< kept after recovery; "" if there never was one
  base::WallTime last_error_at{};

  // counts of entries since start
  std::uint64_t pushed = 0;            ///< accepted by a ring; refused ones are in dropped_ring_full only
  std::uint64_t ignored = 0;           ///< by `queryLog.ignore`, or health checks
  std::uint64_t written = 0;           ///< by the sink, replayed ones included
  std::uint64_t stdout_fallback = 0;   ///< printed because the sink was down or refused the entry
  std::uint64_t spooled = 0;           ///< ever put into the spool by this process
  std::uint64_t replayed = 0;          ///< part of `written` that came from the spool
  std::uint64_t spool_waiting = 0;     ///< in the spool now (entries of earlier runs included)
  std::uint64_t dropped_ring_full = 0; ///< refused at push: the drain thread did not keep up
  std::uint64_t dropped_spool_full = 0;///< in the oldest segment when the spool reached its bound
  std::uint64_t dropped_stdout = 0;    ///< stdout did not take them in time, or failed
  std::uint64_t dropped_damaged = 0;   ///< records or spool frames that could not be read back

  // levels and events
  std::uint64_t batches_written = 0;
  std::uint64_t failures = 0;          ///< attempts to open or write that failed
  std::uint64_t queue_bytes = 0;       ///< between drain and sink, now
  std::uint64_t spool_bytes = 0;
  std::uint64_t last_write_us = 0;     ///< duration of the last batch
};

}  // namespace rampart::storage
