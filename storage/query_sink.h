// Where the query log ends: a database, files, stdout. A sink belongs to one sink thread, which opens it, writes
// whole batches, and opens it again after every failure, for as long as the process lives.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "storage/entry_batch.h"
#include "storage/query_log_options.h"

namespace rampart::storage {

/// Until when a call may last. A stop may pull the end nearer while the call is under way, so whoever waits does
/// it in slices.
class Deadline {
 public:
  /// `stop_at`: nanoseconds of the monotonic clock, INT64_MAX while nobody stops; outlives the deadline.
  Deadline(base::Instant at, const std::atomic<std::int64_t>& stop_at) noexcept : at_(at), stop_at_(&stop_at) {}
  explicit Deadline(base::Instant at) noexcept : at_(at), stop_at_(nullptr) {}

  /// The same, but not later than `at`.
  [[nodiscard]] Deadline before(base::Instant at) const noexcept {
    Deadline earlier = *this;
    earlier.at_ = std::min(at_, at);
    return earlier;
  }
  [[nodiscard]] bool has_passed() const noexcept { return left().count() <= 0; }
  /// Time to the end, but at most one slice; for poll(). Never negative.
  [[nodiscard]] int slice_ms() const noexcept {
    constexpr std::int64_t kSliceMs = 50;
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left()).count();
    return static_cast<int>(std::clamp<std::int64_t>(ms, 0, kSliceMs));
  }

  [[nodiscard]] std::chrono::nanoseconds left() const noexcept {
    std::int64_t end = at_.time_since_epoch().count();
    if (stop_at_ != nullptr) end = std::min(end, stop_at_->load(std::memory_order_relaxed));
    return std::chrono::nanoseconds(end - base::monotonic_now().time_since_epoch().count());
  }

 private:
  base::Instant at_;
  const std::atomic<std::int64_t>* stop_at_;
};

struct WriteResult {
  enum class Outcome : std::uint8_t {
    kDone,     ///< all entries are in, now or by an earlier try with the same batch ID
    kFailed,   ///< none beyond `rows` is in; open() is needed
    kUnknown,  ///< the end of the commit was not seen; only a later try with the same batch ID can tell
    kRefused,  ///< the sink works, but will never take this batch
  };
  Outcome outcome = Outcome::kDone;
  std::uint32_t rows = 0;  ///< entries that are in from this call: all for kDone
  std::string error;       ///< place and cause, unless kDone
};

class QuerySink {
 public:
  virtual ~QuerySink() = default;
  [[nodiscard]] virtual std::string_view name() const noexcept = 0;
  /// Connects, creates what is missing, and makes sure that the next write has a chance.
  [[nodiscard]] virtual base::Status open(const Deadline& deadline) = 0;
  [[nodiscard]] virtual WriteResult write(const EntryBatch& batch, const Deadline& deadline) = 0;
  /// Removes what is older than the retention; a clock that is far ahead must not erase the log. Called now and
  /// then between writes while the sink is open.
  [[nodiscard]] virtual base::Status maintain(base::WallTime now, const Deadline& deadline) {
    (void)now, (void)deadline;
    return base::Done{};
  }
  virtual void close() noexcept = 0;
  /// True if entries are wanted as they come instead of every flush interval.
  [[nodiscard]] virtual bool is_immediate() const noexcept { return false; }
  /// True if it prints: its batches hold lines (EntryBatch::append_line()), and only such.
  [[nodiscard]] virtual bool takes_lines() const noexcept { return false; }
  /// True if a batch written twice with one ID is stored once: what a spool needs.
  [[nodiscard]] virtual bool is_idempotent() const noexcept { return false; }
};

/// The sink for these options, not opened. Error: a type that is not built, or a target that can never work.
[[nodiscard]] base::Result<std::unique_ptr<QuerySink>, std::string> make_query_sink(const QueryLogOptions& options);

}  // namespace rampart::storage
