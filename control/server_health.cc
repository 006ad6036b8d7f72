// The health report: how each part of the server is doing, and which of them it cannot do without.
#include <algorithm>

#include "control/process_figures.h"
#include "control/query_log_health.h"
#include "control/server.h"
#include "control/upstream_overview.h"

namespace rampart::control {
namespace {

using std::chrono::seconds;

}  // namespace

HealthReport Server::health() {
  HealthReport report;
  report.answering = started_;
  if (!report.answering) return report;  // a probe may come while start() is still assembling the parts

  ComponentHealth upstreams{"upstreams"};
  const auto overview = overview_of_upstreams(workers_);
  double down = 0;
  for (const auto& upstream : overview.upstreams) {
    if (!upstream.is_down) continue;
    ++down;
    upstreams.last_error = upstream.upstream + " does not answer";
  }
  const auto configured = static_cast<double>(overview.upstreams.size());
  upstreams.values = {{"configured", configured}, {"down", down}};
  if (down > 0) upstreams.state = down < configured ? ComponentState::kDegraded : ComponentState::kFailed;
  if (!overview.is_complete) {
    upstreams.state = ComponentState::kFailed;
    upstreams.last_error = "a worker does not react";
  }

  const std::lock_guard lock(mutex_);
  const auto is_required = [this](Component component) {
    const auto& required = config_.health.required;
    return std::find(required.begin(), required.end(), component) != required.end();
  };
  upstreams.required = is_required(Component::kUpstreams);
  report.components.push_back(std::move(upstreams));

  ComponentHealth lists{"lists"};
  lists.since = lists_loaded_at_;
  lists.required = is_required(Component::kLists);
  const double age = static_cast<double>(
      std::chrono::duration_cast<seconds>(base::wall_now() - lists_loaded_at_).count());
  lists.values = {{"ageSeconds", age}, {"rules", static_cast<double>(filter_->rule_count())},
                  {"bytes", static_cast<double>(filter_->memory_bytes())}};
  if (!list_errors_.empty()) {
    lists.state = ComponentState::kDegraded;
    lists.last_error = list_errors_.front();
    if (base::wall_now() - lists_complete_at_ > config_.health.list_max_age) lists.state = ComponentState::kFailed;
  }
  report.components.push_back(std::move(lists));

  storage::QueryLogOptions log_options;
  log_options.type = config_.query_log.type;
  log_options.spool.path = config_.query_log.spool_path;
  log_options.spool.bytes_max = config_.query_log.spool_max_bytes.bytes;
  append_query_log_health(query_log_->stats(), log_options, is_required(Component::kQueryLog), report);

  if (shared_) {
    const auto status = shared_->status();
    ComponentHealth redis{"redis"};
    redis.required = is_required(Component::kRedis);
    redis.since = status.since;
    redis.last_error = status.last_error;
    redis.state = status.state == storage::RedisState::kUp ? ComponentState::kOk
                  : redis.required                         ? ComponentState::kFailed
                                                           : ComponentState::kDegraded;
    redis.values = {{"published", static_cast<double>(status.published)},
                    {"takenOver", static_cast<double>(status.taken_over[0])},
                    {"connects", static_cast<double>(status.connects)},
                    {"failures", static_cast<double>(status.failures)},
                    {"queued", static_cast<double>(status.queued)}};
    report.components.push_back(std::move(redis));
  }

  if (const base::WallTime expires = http_->certificate_expires_at(); expires != base::WallTime{}) {
    ComponentHealth certificate{"certificate"};
    certificate.required = is_required(Component::kCertificate);
    const double days =
        static_cast<double>(std::chrono::duration_cast<std::chrono::hours>(expires - base::wall_now()).count()) / 24.0;
    certificate.values = {{"daysLeft", days}};
    if (days < config_.health.certificate_min_days) certificate.state = ComponentState::kDegraded;
    if (days <= 0) certificate.state = ComponentState::kFailed;
    report.components.push_back(std::move(certificate));
  }

  if (const auto process = read_process_figures()) {
    ComponentHealth memory{"memory"};
    memory.required = is_required(Component::kMemory);
    if (const std::uint64_t most = config_.health.memory_max.bytes; most > 0) {
      if (process->resident_bytes > most / 10 * 9) memory.state = ComponentState::kDegraded;
      if (process->resident_bytes > most) memory.state = ComponentState::kFailed;
    }
    memory.values = {{"residentBytes", static_cast<double>(process->resident_bytes)},
                     {"cacheBytes", static_cast<double>(cache_->stats().bytes_used)},
                     {"cacheBytesMax", static_cast<double>(cache_->stats().bytes_max)},
                     {"listBytes", static_cast<double>(filter_->memory_bytes())}};
    if (memory.state != ComponentState::kOk) memory.last_error = "near or above health.memoryMax";
    report.components.push_back(std::move(memory));
  }
  return report;
}

}  // namespace rampart::control
