// The drain thread: empties the rings, decodes, gathers batches, and decides for each batch between sink, spool and
// stdout. It waits for nothing but its own clock; the only thing that can hold it up is a write to disk or stdout,
// and the latter has a deadline.
#include "storage/query_log.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "base/background_thread.h"
#include "base/log.h"
#include "storage/console_sink.h"
#include "storage/entry_gatherer.h"
#include "storage/log_entry.h"
#include "storage/query_sink.h"
#include "storage/sink_runner.h"
#include "storage/spool.h"

namespace rampart::storage {
namespace {

// Nobody wakes the drain thread; it looks. Busy rings are looked at often enough that 2 MiB last for 400,000
// queries/s; an idle server is woken 50 times a second.
constexpr std::chrono::milliseconds kBusyPause{5};
constexpr std::chrono::milliseconds kIdlePause{20};
constexpr std::size_t kBusyRingPart = 16;  // a ring filled to 1/16 is busy
// One visit of a ring; its room is freed at the end of the visit. Between two of them this thread gives way: a
// worker on the same processor waits at most some 50 us for it.
constexpr std::size_t kRecordsPerVisit = 64;
// Then batches, fallbacks and a stop get their turn, however fast the workers are.
constexpr unsigned kVisitsPerRound = 512;
constexpr unsigned kVisitsAtStop = 1u << 16;
// Entries for the spool are gathered at most this long. Longer frames replay faster (one transaction each), but what is
// not in one yet is lost by a SIGKILL, and the way back would wait for the last of them.
constexpr std::chrono::milliseconds kSpoolInterval{500};
constexpr std::chrono::milliseconds kFlushIntervalMin{100};
constexpr std::chrono::milliseconds kRetryPauseMax{2'000};
// How long stdout may refuse a batch before it is dropped.
constexpr std::chrono::milliseconds kStdoutTime{500};
// For a sink that is replaced by a reload.
constexpr std::chrono::milliseconds kRetireTime{2'000};
// Beside workers that need every processor: enough to empty the rings behind them.
constexpr int kDrainNice = 2;
// Beyond a stop's deadline, for putting what is left into spool or stdout.
constexpr std::chrono::milliseconds kStopSlack{1'500};

bool has_same_sink(const QueryLogOptions& a, const QueryLogOptions& b) {
  return a.type == b.type && a.target == b.target && a.retention_days == b.retention_days && a.spool == b.spool &&
         a.retry_pause == b.retry_pause && a.connect_timeout == b.connect_timeout &&
         a.write_timeout == b.write_timeout && a.stdout_fd == b.stdout_fd;
}

}  // namespace

class QueryLog::Impl : public std::enable_shared_from_this<QueryLog::Impl> {
 public:
  Impl(QueryLogOptions options, std::size_t workers);

  base::Status start();
  base::Status reconfigure(QueryLogOptions options);
  void stop(std::chrono::milliseconds deadline);
  QueryLogStats stats() const;

  std::vector<std::unique_ptr<QueryEventRing>> rings_;  // constant after construction
  std::atomic<bool> wants_events_{false};

 private:
  /// What a configuration needs, built by who configures, adopted by the drain thread.
  struct Plan {
    QueryLogOptions options;
    std::unique_ptr<LogEntryDecoder> decoder;
    std::shared_ptr<Spool> spool;
    std::unique_ptr<SinkRunner> runner;  ///< null: keep the present one, or type `none`
    bool keeps_runner = false;
  };
  struct Retired {
    std::shared_ptr<SinkRunner> runner;
    base::Instant until;
  };

  base::Result<Plan, std::string> make_plan(QueryLogOptions options, bool first);
  void run();
  void adopt_plan();
  bool drain_rings();
  void take_record(base::ByteView record);
  void seal();
  bool is_due() const;
  void route(EntryBatch batch);
  void relieve();
  void fall_back(EntryBatch batch);
  void print(const EntryBatch& batch, base::SharedCounter& counter);
  void tend_retired(bool may_wait);
  void empty_runner(SinkRunner& runner);
  void finish();

  // drain thread, once it runs
  QueryLogOptions options_;
  std::unique_ptr<LogEntryDecoder> decoder_;
  std::shared_ptr<Spool> spool_;
  std::unique_ptr<LineWriter> stdout_;
  std::vector<Retired> retired_;
  QueryEventTexts texts_;
  EntryGatherer gathering_;
  bool saw_busy_ring_ = false;

  // of who calls start(), stop() and reconfigure()
  QueryLogOptions latest_;
  std::weak_ptr<Spool> last_spool_;
  std::thread thread_;

  base::SharedCounter ignored_, stdout_fallback_, spooled_, dropped_stdout_, dropped_damaged_;
  const std::shared_ptr<SinkTotals> totals_ = std::make_shared<SinkTotals>();

  mutable std::mutex mutex_;  // guards everything below
  std::condition_variable changed_;
  std::optional<Plan> plan_;
  bool stopping_ = false;
  bool stopped_ = false;
  base::Instant stop_at_{};
  // The drain thread alone replaces these two, under the lock; others only look, under the lock.
  std::shared_ptr<SinkRunner> runner_;
  std::shared_ptr<Spool> spool_seen_;
};

QueryLog::Impl::Impl(QueryLogOptions options, std::size_t workers)
    : options_(options), latest_(std::move(options)) {
  for (std::size_t i = 0; i < workers; ++i) rings_.push_back(std::make_unique<QueryEventRing>(latest_.ring_bytes));
}

base::Result<QueryLog::Impl::Plan, std::string> QueryLog::Impl::make_plan(QueryLogOptions options, bool first) {
  options.flush_interval = std::max(options.flush_interval, kFlushIntervalMin);
  options.retry_pause = std::clamp(options.retry_pause, std::chrono::milliseconds(10), kRetryPauseMax);
  Plan plan;
  plan.decoder = std::make_unique<LogEntryDecoder>(options.entry);
  plan.keeps_runner = !first && has_same_sink(options, latest_);
  if (plan.keeps_runner) {
    plan.options = std::move(options);
    return plan;
  }
  if (options.type != QueryLogType::kNone) {
    auto sink = make_query_sink(options);
    if (!sink) return base::Error{sink.error()};
    if (!options.spool.path.empty()) {
      if (!(*sink)->is_idempotent())
        return base::Error{"queryLog.spool: only a database can be replayed without duplicates; remove the spool or "
                           "use queryLog.type postgresql, timescale or sqlite instead of " +
                           std::string((*sink)->name())};
      // A directory has one Spool in this process, also while a sink that is being replaced still holds it.
      std::shared_ptr<Spool> present = last_spool_.lock();
      if (present && present->path() == options.spool.path) {
        present->set_bounds(options.spool);
      } else {
        auto spool = Spool::open(options.spool);
        if (!spool) return base::Error{spool.error()};
        present = std::move(*spool);
        last_spool_ = present;
      }
      plan.spool = std::move(present);
    }
    const SinkRunner::Options runner_options{options.retry_pause, options.connect_timeout, options.write_timeout};
    plan.runner = std::make_unique<SinkRunner>(std::move(*sink), runner_options, plan.spool, totals_);
  }
  plan.options = std::move(options);
  return plan;
}

base::Status QueryLog::Impl::start() {
  auto plan = make_plan(latest_, true);
  if (!plan) return base::Error{plan.error()};
  wants_events_.store(latest_.type != QueryLogType::kNone || latest_.observer != nullptr, std::memory_order_relaxed);
  plan_ = std::move(*plan);
  adopt_plan();
  thread_ = std::thread([self = shared_from_this()] { self->run(); });
  return base::Done{};
}

base::Status QueryLog::Impl::reconfigure(QueryLogOptions options) {
  if (options == latest_) return base::Done{};
  auto plan = make_plan(options, false);
  if (!plan) return base::Error{plan.error()};
  latest_ = std::move(options);
  wants_events_.store(latest_.type != QueryLogType::kNone || latest_.observer != nullptr, std::memory_order_relaxed);
  const std::lock_guard lock(mutex_);
  if (plan->keeps_runner && plan_) {  // "present" is then what the plan not yet adopted brings
    plan->keeps_runner = plan_->keeps_runner;
    plan->runner = std::move(plan_->runner);
    plan->spool = std::move(plan_->spool);
  }
  plan_ = std::move(*plan);
  changed_.notify_all();
  return base::Done{};
}

void QueryLog::Impl::stop(std::chrono::milliseconds deadline) {
  if (!thread_.joinable()) return;
  wants_events_.store(false, std::memory_order_relaxed);
  std::unique_lock lock(mutex_);
  stop_at_ = base::monotonic_now() + deadline;
  stopping_ = true;
  changed_.notify_all();
  // The thread holds a share of this object, so one that hangs in a write can be left behind.
  const bool ended = changed_.wait_until(lock, stop_at_ + kStopSlack, [&] { return stopped_; });
  lock.unlock();
  if (ended) thread_.join();
  else thread_.detach();
}

// --- drain thread ------------------------------------------------------------------------------------------------

void QueryLog::Impl::adopt_plan() {
  std::optional<Plan> plan;
  {
    const std::lock_guard lock(mutex_);
    if (!plan_) return;
    plan = std::move(*plan_);
    plan_.reset();
  }
  seal();
  options_ = std::move(plan->options);
  decoder_ = std::move(plan->decoder);
  if (plan->keeps_runner) return;
  if (!stdout_ || plan->runner) stdout_ = std::make_unique<LineWriter>(options_.stdout_fd);
  std::shared_ptr<SinkRunner> old;
  {
    const std::lock_guard lock(mutex_);
    old = std::exchange(runner_, std::shared_ptr<SinkRunner>(std::move(plan->runner)));
    spool_seen_ = plan->spool;
  }
  spool_ = std::move(plan->spool);
  if (old) {
    old->finish(base::monotonic_now() + kRetireTime);
    retired_.push_back({std::move(old), base::monotonic_now() + kRetireTime});
  }
}

void QueryLog::Impl::run() {
  base::name_thread("log-drain");
  base::give_way_to_workers(kDrainNice);
  for (;;) {
    bool stopping = false;
    {
      std::unique_lock lock(mutex_);
      if (!stopping_ && !plan_) changed_.wait_for(lock, saw_busy_ring_ ? kBusyPause : kIdlePause);
      stopping = stopping_;
    }
    adopt_plan();
    for (unsigned visit = 0; drain_rings() && visit < (stopping ? kVisitsAtStop : kVisitsPerRound); ++visit)
      std::this_thread::yield();
    if (is_due()) seal();
    relieve();
    tend_retired(false);
    if (stopping) break;
  }
  finish();
}

void QueryLog::Impl::take_record(base::ByteView record) {
  const auto event = QueryEventView::parse(record);
  if (!event) return dropped_damaged_.add();
  texts_.assign(*event);
  if (options_.observer) (*options_.observer)(*event, texts_);
  if (!runner_) {  // type none
    ignored_.add();
    return;
  }
  if (decoder_->decode(*event, texts_) == LogEntryDecoder::Outcome::kIgnored) return ignored_.add();
  gathering_.add(decoder_->entry(), runner_->takes_lines());
}

/// One visit of every ring. True if there is more to fetch at once.
bool QueryLog::Impl::drain_rings() {
  bool more = false;
  saw_busy_ring_ = false;
  for (auto& ring : rings_) {
    saw_busy_ring_ |= ring->used() > ring->capacity() / kBusyRingPart;
    more |= ring->consume([&](base::ByteView record) { take_record(record); }, kRecordsPerVisit) == kRecordsPerVisit;
    if (gathering_.bytes() >= options_.batch_bytes) seal();
  }
  return more;
}

bool QueryLog::Impl::is_due() const {
  if (gathering_.empty() || !runner_) return false;
  const auto age = base::monotonic_now() - gathering_.since();
  if (runner_->is_immediate()) return true;
  if (spool_ && (runner_->is_down() || !spool_->empty())) return age >= std::min(kSpoolInterval, options_.flush_interval);
  return runner_->is_down() || age >= options_.flush_interval;
}

void QueryLog::Impl::seal() {
  if (!gathering_.empty()) route(gathering_.take());
}

void QueryLog::Impl::route(EntryBatch batch) {
  relieve();  // older batches first
  if (!runner_) return fall_back(std::move(batch));
  const bool behind_spool = spool_ && !spool_->empty();
  if (runner_->has_fallback() && (behind_spool || runner_->is_down())) return fall_back(std::move(batch));
  runner_->offer(std::move(batch));
}

/// Takes away from the sink what it cannot take itself: everything while it is down, the oldest beyond the bound.
void QueryLog::Impl::relieve() {
  if (!runner_) return;
  while (auto refused = runner_->take_refused()) print(*refused, stdout_fallback_);
  while ((runner_->has_fallback() && runner_->is_down()) || runner_->queue_bytes() > options_.queue_bytes_max) {
    auto batch = runner_->take_waiting();
    if (!batch) break;
    if (runner_->has_fallback()) fall_back(std::move(*batch));
    else dropped_stdout_.add(batch->count());
  }
}

void QueryLog::Impl::fall_back(EntryBatch batch) {
  if (spool_) {
    const base::Status kept = spool_->append(batch);
    if (kept) return spooled_.add(batch.count());
    base::log::error("queryLog", kept.error() + "; printing " + std::to_string(batch.count()) + " entries instead");
  }
  print(batch, stdout_fallback_);
}

void QueryLog::Impl::print(const EntryBatch& batch, base::SharedCounter& counter) {
  const Deadline deadline(base::monotonic_now() + kStdoutTime);
  const std::uint32_t printed = print_entries(batch, *stdout_, deadline);
  counter.add(printed);
  dropped_stdout_.add(batch.count() - printed);
}

void QueryLog::Impl::empty_runner(SinkRunner& runner) {
  while (auto refused = runner.take_refused()) print(*refused, stdout_fallback_);
  while (auto batch = runner.take_waiting()) {
    if (runner.has_fallback()) fall_back(std::move(*batch));
    else dropped_stdout_.add(batch->count());
  }
}

/// Empties sinks that were replaced, and lets them go when they have ended or their time is over.
void QueryLog::Impl::tend_retired(bool may_wait) {
  while (!retired_.empty()) {
    std::erase_if(retired_, [&](Retired& old) {
      const bool ended = old.runner->has_finished();
      if (!ended && base::monotonic_now() < old.until + kIdlePause) return false;
      empty_runner(*old.runner);
      if (!ended) return base::monotonic_now() >= old.until + kStopSlack / 2;
      return true;
    });
    if (!may_wait || retired_.empty()) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

void QueryLog::Impl::finish() {
  seal();
  std::shared_ptr<SinkRunner> current;
  {
    const std::lock_guard lock(mutex_);
    current = runner_;
  }
  if (current) {
    current->finish(stop_at_);
    for (auto& old : retired_) old.until = std::min(old.until, stop_at_);
    retired_.push_back({current, stop_at_});
  }
  tend_retired(true);
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

QueryLogStats QueryLog::Impl::stats() const {
  QueryLogStats stats;
  for (const auto& ring : rings_) {
    stats.pushed += ring->pushed();
    stats.dropped_ring_full += ring->refused();
  }
  std::shared_ptr<SinkRunner> runner;
  std::shared_ptr<Spool> spool;
  {
    const std::lock_guard lock(mutex_);
    runner = runner_;
    spool = spool_seen_;
  }
  stats.sink = runner ? runner->name() : "none";
  if (runner) {
    const SinkRunner::Status status = runner->status();
    stats.state = status.state;
    stats.since = status.since;
    stats.last_error = status.last_error;
    stats.last_error_at = status.last_error_at;
    stats.last_write_us = status.last_write_us;
    stats.queue_bytes = runner->queue_bytes();
  } else {
    stats.state = SinkState::kUp;
  }
  stats.ignored = ignored_.value();
  stats.written = totals_->written.value();
  stats.replayed = totals_->replayed.value();
  stats.batches_written = totals_->batches.value();
  stats.failures = totals_->failures.value();
  stats.stdout_fallback = stdout_fallback_.value();
  stats.spooled = spooled_.value();
  stats.dropped_stdout = dropped_stdout_.value() + totals_->dropped_stdout.value();
  stats.dropped_damaged = dropped_damaged_.value();
  if (spool) {
    const Spool::Stats kept = spool->stats();
    stats.spool_waiting = kept.entries;
    stats.spool_bytes = kept.bytes;
    stats.dropped_spool_full = kept.dropped_full;
    stats.dropped_damaged += kept.dropped_damaged;
  }
  return stats;
}

// --- the public face ---------------------------------------------------------------------------------------------

QueryLog::QueryLog(QueryLogOptions options, std::size_t worker_count)
    : impl_(std::make_shared<Impl>(std::move(options), worker_count)) {}

QueryLog::~QueryLog() { impl_->stop(std::chrono::seconds(1)); }

base::Status QueryLog::start() { return impl_->start(); }
QueryEventRing& QueryLog::ring(std::size_t worker_index) noexcept { return *impl_->rings_[worker_index]; }
bool QueryLog::wants_events() const noexcept { return impl_->wants_events_.load(std::memory_order_relaxed); }
base::Status QueryLog::reconfigure(QueryLogOptions options) { return impl_->reconfigure(std::move(options)); }
void QueryLog::stop(std::chrono::milliseconds deadline) { impl_->stop(deadline); }
QueryLogStats QueryLog::stats() const { return impl_->stats(); }

}  // namespace rampart::storage
