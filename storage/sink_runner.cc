#include "storage/sink_runner.h"

#include <algorithm>

#include "base/background_thread.h"
#include "base/log.h"

namespace rampart::storage {
namespace {

// How long a quiet sink thread sleeps before it looks at the spool and at maintenance again.
constexpr std::chrono::milliseconds kIdleWait{200};
// Before another look at a spool whose oldest batch somebody else holds.
constexpr std::chrono::milliseconds kSpoolWait{20};
// On top of connecting: for looking at tables and creating them.
constexpr std::chrono::seconds kPrepareTime{2};
constexpr std::chrono::hours kMaintenancePause{1};
constexpr std::chrono::seconds kMaintenanceTime{20};
constexpr std::chrono::minutes kFirstMaintenance{1};
// Behind the drain thread, too: what the sink does not take in time has a queue and a fallback, a full ring has none.
constexpr int kSinkNice = 4;
// After an attempt that took longer than the pause between two.
constexpr std::chrono::milliseconds kRetryPauseMin{100};
// A sink that fails every few seconds must not fill the log with the same two lines.
constexpr std::chrono::seconds kSameLinePause{30};

}  // namespace

class SinkRunner::Shared {
 public:
  Shared(std::unique_ptr<QuerySink> sink, Options options, std::shared_ptr<Spool> spool,
         std::shared_ptr<SinkTotals> totals)
      : sink_(std::move(sink)), options_(options), spool_(std::move(spool)), totals_(std::move(totals)) {
    status_.since = base::wall_now();
  }

  void run();

 private:
  friend class SinkRunner;

  [[nodiscard]] Deadline deadline_in(std::chrono::milliseconds time) const {
    return {base::monotonic_now() + time, stop_at_};
  }
  void set_up(SinkState state);
  void set_down(const std::string& error, std::optional<EntryBatch> back);
  bool open();
  bool write(EntryBatch batch, bool from_spool);
  bool replay_one();
  std::optional<EntryBatch> next_batch();
  void pause(base::Instant attempt_began);
  void maintain();

  // sink thread only, once it runs
  const std::unique_ptr<QuerySink> sink_;
  const Options options_;
  const std::shared_ptr<Spool> spool_;
  const std::shared_ptr<SinkTotals> totals_;
  std::optional<EntryBatch> unresolved_;  ///< its commit was not seen to end, and there is no spool to keep it
  base::Instant maintain_at_ = base::monotonic_now() + kFirstMaintenance;
  base::Instant down_logged_at_ = base::Instant::min();
  bool up_logged_ = true;

  std::atomic<std::int64_t> stop_at_{INT64_MAX};
  mutable std::mutex mutex_;  // guards everything below
  std::condition_variable changed_;
  std::deque<EntryBatch> waiting_;
  std::deque<EntryBatch> refused_;
  std::size_t waiting_bytes_ = 0;
  bool finishing_ = false;
  bool finished_ = false;
  Status status_{SinkState::kStarting, {}, {}, {}, 0};
};

void SinkRunner::Shared::set_up(SinkState state) {
  bool was_down = false;
  {
    const std::lock_guard lock(mutex_);
    if (status_.state == state) return;
    was_down = status_.state == SinkState::kDown;
    status_.state = state;
    status_.since = base::wall_now();
  }
  if (was_down && !up_logged_) base::log::info("queryLog", std::string(sink_->name()) + " is back");
  up_logged_ = true;
}

void SinkRunner::Shared::set_down(const std::string& error, std::optional<EntryBatch> back) {
  totals_->failures.add();
  sink_->close();
  const auto now = base::monotonic_now();
  if (down_logged_at_ == base::Instant::min() || now - down_logged_at_ >= kSameLinePause) {
    down_logged_at_ = now;
    up_logged_ = false;
    const char* where = sink_->takes_lines() ? "" : spool_ ? "; entries go to the spool until it is back"
                                                             : "; using console as fallback until it is back";
    base::log::error("queryLog", "can't write to " + std::string(sink_->name()) + ": " + error + where);
  }
  const std::lock_guard lock(mutex_);
  if (back) {
    waiting_bytes_ += back->bytes().size();
    waiting_.push_front(std::move(*back));
  }
  status_.last_error = error;
  status_.last_error_at = base::wall_now();
  if (status_.state != SinkState::kDown) {
    status_.state = SinkState::kDown;
    status_.since = status_.last_error_at;
  }
}

bool SinkRunner::Shared::open() {
  const base::Status opened = sink_->open(deadline_in(options_.connect_timeout + kPrepareTime));
  if (!opened) {
    set_down(opened.error(), std::nullopt);
    return false;
  }
  set_up(spool_ && !spool_->empty() ? SinkState::kReplaying : SinkState::kUp);
  return true;
}

/// Writes one batch. False: the sink has to be opened again; whatever becomes of the batch is arranged.
bool SinkRunner::Shared::write(EntryBatch batch, bool from_spool) {
  using Outcome = WriteResult::Outcome;
  const auto begin = base::monotonic_now();
  WriteResult result = sink_->write(batch, deadline_in(options_.write_timeout));
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(base::monotonic_now() - begin);
  totals_->written.add(result.rows);
  switch (result.outcome) {
    case Outcome::kDone: {
      totals_->batches.add();
      if (from_spool) {
        totals_->replayed.add(result.rows);
        spool_->pop_front();
      }
      const std::lock_guard lock(mutex_);
      status_.last_write_us = static_cast<std::uint64_t>(took.count());
      return true;
    }
    case Outcome::kRefused: {
      totals_->failures.add();
      base::log::error("queryLog", std::string(sink_->name()) + " refuses a batch of " +
                                       std::to_string(batch.count()) + " entries, printing them: " + result.error);
      if (from_spool) spool_->pop_front();
      const std::lock_guard lock(mutex_);
      status_.last_error = result.error;
      status_.last_error_at = base::wall_now();
      refused_.push_back(std::move(batch));
      return true;
    }
    case Outcome::kUnknown:
      // The spool keeps the ID with the entries, so the question can wait there; without it, it waits here.
      if (!from_spool && !spool_) {
        unresolved_ = std::move(batch);
        set_down(result.error, std::nullopt);
        return false;
      }
      break;
    case Outcome::kFailed:
      if (sink_->takes_lines()) {
        totals_->dropped_stdout.add(batch.count() - result.rows);
        set_down(result.error, std::nullopt);
        return false;
      }
      break;
  }
  if (from_spool) {
    spool_->release_front();
    set_down(result.error, std::nullopt);
  } else {
    set_down(result.error, std::move(batch));
  }
  return false;
}

bool SinkRunner::Shared::replay_one() {
  std::optional<EntryBatch> batch = spool_->front();
  if (!batch) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, kSpoolWait);
    return true;
  }
  set_up(SinkState::kReplaying);
  return write(std::move(*batch), true);
}

std::optional<EntryBatch> SinkRunner::Shared::next_batch() {
  std::unique_lock lock(mutex_);
  if (waiting_.empty() && !finishing_) changed_.wait_for(lock, kIdleWait);
  if (waiting_.empty()) return std::nullopt;
  EntryBatch batch = std::move(waiting_.front());
  waiting_.pop_front();
  waiting_bytes_ -= batch.bytes().size();
  return batch;
}

/// Attempts begin a pause apart. Counted from its end, the pause after one that waited for a silent server until its
/// timeout would come on top of that, and the way back would take longer than five seconds.
void SinkRunner::Shared::pause(base::Instant attempt_began) {
  std::unique_lock lock(mutex_);
  const auto until = std::max(attempt_began + options_.retry_pause, base::monotonic_now() + kRetryPauseMin);
  changed_.wait_until(lock, until, [&] { return finishing_; });
}

void SinkRunner::Shared::maintain() {
  if (base::monotonic_now() < maintain_at_) return;
  maintain_at_ = base::monotonic_now() + kMaintenancePause;
  if (const auto status = sink_->maintain(base::wall_now(), deadline_in(kMaintenanceTime)); !status)
    base::log::warn("queryLog", std::string(sink_->name()) + ": removing old entries: " + status.error());
}

void SinkRunner::Shared::run() {
  base::name_thread("log-sink");
  base::give_way_to_workers(kSinkNice);
  bool is_open = false;
  for (;;) {
    bool finishing = false;
    {
      const std::lock_guard lock(mutex_);
      finishing = finishing_;
      if (finishing && ((waiting_.empty() && !unresolved_) || Deadline(base::Instant::max(), stop_at_).has_passed()))
        break;
    }
    if (!is_open) {
      const auto began = base::monotonic_now();
      is_open = open();
      if (!is_open) {
        if (finishing) break;
        pause(began);
      }
      continue;
    }
    if (unresolved_) {
      EntryBatch batch = std::move(*unresolved_);
      unresolved_.reset();
      is_open = write(std::move(batch), false);
      continue;
    }
    if (spool_ && !finishing && !spool_->empty()) {
      is_open = replay_one();
      continue;
    }
    set_up(SinkState::kUp);
    if (auto batch = next_batch()) is_open = write(std::move(*batch), false);
    else maintain();
  }
  sink_->close();
  const std::lock_guard lock(mutex_);
  if (unresolved_) {
    waiting_bytes_ += unresolved_->bytes().size();
    waiting_.push_front(std::move(*unresolved_));
  }
  status_.state = SinkState::kStopped;
  status_.since = base::wall_now();
  finished_ = true;
  changed_.notify_all();
}

// --- the drain thread's side -----------------------------------------------------------------------------------

SinkRunner::SinkRunner(std::unique_ptr<QuerySink> sink, Options options, std::shared_ptr<Spool> spool,
                       std::shared_ptr<SinkTotals> totals)
    : is_immediate_(sink->is_immediate()),
      takes_lines_(sink->takes_lines()),
      name_(sink->name()),
      shared_(std::make_shared<Shared>(std::move(sink), options, std::move(spool), std::move(totals))),
      thread_([shared = shared_] { shared->run(); }) {}

SinkRunner::~SinkRunner() {
  // Within its own deadlines every sink comes back; only name lookup and a dead disk can exceed them.
  constexpr std::chrono::milliseconds kPatience{500};
  finish(base::monotonic_now());
  {
    std::unique_lock lock(shared_->mutex_);
    if (!shared_->changed_.wait_for(lock, kPatience, [&] { return shared_->finished_; })) {
      lock.unlock();
      thread_.detach();
      return;
    }
  }
  thread_.join();
}

void SinkRunner::offer(EntryBatch batch) {
  const std::lock_guard lock(shared_->mutex_);
  shared_->waiting_bytes_ += batch.bytes().size();
  shared_->waiting_.push_back(std::move(batch));
  shared_->changed_.notify_all();
}

bool SinkRunner::is_down() const {
  const std::lock_guard lock(shared_->mutex_);
  return shared_->status_.state == SinkState::kDown || shared_->finished_;
}

std::size_t SinkRunner::queue_bytes() const {
  const std::lock_guard lock(shared_->mutex_);
  return shared_->waiting_bytes_;
}

std::optional<EntryBatch> SinkRunner::take_waiting() {
  const std::lock_guard lock(shared_->mutex_);
  if (shared_->waiting_.empty()) return std::nullopt;
  EntryBatch batch = std::move(shared_->waiting_.front());
  shared_->waiting_.pop_front();
  shared_->waiting_bytes_ -= batch.bytes().size();
  return batch;
}

std::optional<EntryBatch> SinkRunner::take_refused() {
  const std::lock_guard lock(shared_->mutex_);
  if (shared_->refused_.empty()) return std::nullopt;
  EntryBatch batch = std::move(shared_->refused_.front());
  shared_->refused_.pop_front();
  return batch;
}

void SinkRunner::finish(base::Instant at) {
  shared_->stop_at_.store(std::min(shared_->stop_at_.load(), std::int64_t{at.time_since_epoch().count()}));
  const std::lock_guard lock(shared_->mutex_);
  shared_->finishing_ = true;
  shared_->changed_.notify_all();
}

bool SinkRunner::has_finished() const {
  const std::lock_guard lock(shared_->mutex_);
  return shared_->finished_;
}

SinkRunner::Status SinkRunner::status() const {
  const std::lock_guard lock(shared_->mutex_);
  return shared_->status_;
}

}  // namespace rampart::storage
