#include "control/query_log_health.h"

namespace rampart::control {
namespace {

double number(std::uint64_t count) { return static_cast<double>(count); }

}  // namespace

void append_query_log_health(const storage::QueryLogStats& stats, const storage::QueryLogOptions& options, bool is_required,
                             HealthReport& report) {
  const bool is_on = options.type != storage::QueryLogType::kNone;
  ComponentHealth log{"queryLog"};
  log.required = is_required;
  log.since = stats.since;
  log.last_error = stats.last_error;
  // Entries are kept elsewhere meanwhile, and answers do not depend on them: it fails only who must not do without.
  log.state = !is_on                                         ? ComponentState::kOff
              : stats.state != storage::SinkState::kDown ? ComponentState::kOk
              : is_required                              ? ComponentState::kFailed
                                                         : ComponentState::kDegraded;
  log.values = {{"written", number(stats.written)},
                {"batches", number(stats.batches_written)},
                {"replayed", number(stats.replayed)},
                {"spooled", number(stats.spooled)},
                {"stdoutFallback", number(stats.stdout_fallback)},
                {"spoolWaiting", number(stats.spool_waiting)},
                {"queueBytes", number(stats.queue_bytes)},
                {"failures", number(stats.failures)},
                {"ignored", number(stats.ignored)},
                {"lastWriteMs", number(stats.last_write_us) / 1000.0},
                {"dropped", number(stats.dropped_ring_full + stats.dropped_spool_full + stats.dropped_stdout +
                                   stats.dropped_damaged)}};
  report.components.push_back(std::move(log));

  ComponentHealth spool{"spool"};
  spool.state = !is_on || options.spool.path.empty() ? ComponentState::kOff
                : stats.spool_waiting > 0            ? ComponentState::kDegraded
                                                     : ComponentState::kOk;
  if (spool.state != ComponentState::kOff) {
    spool.since = stats.since;
    spool.values = {{"waiting", number(stats.spool_waiting)},
                    {"bytes", number(stats.spool_bytes)},
                    {"bytesMax", number(options.spool.bytes_max)},
                    {"droppedFull", number(stats.dropped_spool_full)},
                    {"droppedDamaged", number(stats.dropped_damaged)}};
    if (stats.dropped_spool_full > 0)
      spool.last_error = std::to_string(stats.dropped_spool_full) +
                         " entries were dropped at the bound; raise queryLog.spool.maxBytes";
  }
  report.components.push_back(std::move(spool));

  ComponentHealth rings{"rings"};
  rings.values = {{"pushed", number(stats.pushed)}, {"droppedFull", number(stats.dropped_ring_full)},
                  {"droppedStdout", number(stats.dropped_stdout)}};
  if (stats.dropped_ring_full > 0)
    rings.last_error = std::to_string(stats.dropped_ring_full) + " entries were dropped because a ring was full";
  report.components.push_back(std::move(rings));
}

}  // namespace rampart::control
