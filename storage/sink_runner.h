// One sink and its thread. The thread opens the sink, writes the queued batches, replays the spool when there is
// one, and after any failure opens again, for ever. It never does anything with a batch that its sink did not
// take: such batches wait here until the drain thread fetches them for spool or stdout, so there is one place that
// decides about fallbacks, and their order is kept.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/counter.h"
#include "base/time.h"
#include "storage/entry_batch.h"
#include "storage/query_log_stats.h"
#include "storage/query_sink.h"
#include "storage/spool.h"

namespace rampart::storage {

/// Counts that outlive a change of sink.
struct SinkTotals {
  base::SharedCounter written, replayed, batches, failures, dropped_stdout;
};

class SinkRunner {
 public:
  struct Options {
    std::chrono::milliseconds retry_pause;
    std::chrono::milliseconds connect_timeout;
    std::chrono::milliseconds write_timeout;
  };

  SinkRunner(std::unique_ptr<QuerySink> sink, Options options, std::shared_ptr<Spool> spool,
             std::shared_ptr<SinkTotals> totals);
  /// Waits for the thread if it has ended or is about to; one that hangs in a system call is left behind with
  /// everything it needs.
  ~SinkRunner();

  [[nodiscard]] bool is_immediate() const noexcept { return is_immediate_; }
  [[nodiscard]] bool takes_lines() const noexcept { return takes_lines_; }
  /// Lines are on their way to stdout already: what the console does not take is dropped.
  [[nodiscard]] bool has_fallback() const noexcept { return !takes_lines_; }
  [[nodiscard]] const std::string& name() const noexcept { return name_; }

  // --- drain thread ---
  void offer(EntryBatch batch);
  [[nodiscard]] bool is_down() const;
  [[nodiscard]] std::size_t queue_bytes() const;
  /// The oldest batch that waits for the sink (not the one being written).
  [[nodiscard]] std::optional<EntryBatch> take_waiting();
  /// A batch that this sink will never take.
  [[nodiscard]] std::optional<EntryBatch> take_refused();
  /// Asks the thread to end: when everything is written, or at `at`, or when the sink is down.
  void finish(base::Instant at);
  [[nodiscard]] bool has_finished() const;

  // --- any thread ---
  struct Status {
    SinkState state;
    base::WallTime since;
    std::string last_error;
    base::WallTime last_error_at;
    std::uint64_t last_write_us;
  };
  [[nodiscard]] Status status() const;

 private:
  class Shared;
  const bool is_immediate_;
  const bool takes_lines_;
  const std::string name_;
  const std::shared_ptr<Shared> shared_;
  std::thread thread_;
};

}  // namespace rampart::storage
