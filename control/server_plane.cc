// What REST API, metrics and health see of the server. Everything here runs on threads of the HTTP side; the query
// path is reached only through published snapshots, posted queries, and counters that are read.
#include <future>
#include <map>

#include "base/log.h"
#include "control/answer_report.h"
#include "control/commands_config.h"
#include "control/process_figures.h"
#include "control/query_log_health.h"
#include "control/server.h"
#include "dns/presentation.h"
#include "resolver/query_event_writer.h"
#include "resolver/rate_limiter.h"

namespace rampart::control {
namespace {

using blocklists::Action;
using resolver::QueryContext;
using resolver::Stage;
using storage::Reason;
using std::chrono::seconds;

// Longer than every deadline of the chain together (two upstreams, three tries each), so that only a bug meets it.
constexpr auto kQueryWait = seconds(30);
constexpr auto kStatusWait = seconds(2);

base::Result<AnswerReport, std::string> ask(resolver::Worker& worker, const QueryCommand& command) {
  auto message = query_message(command.name, command.type);
  if (!message) return base::Error{"'" + command.name + "' is no domain name"};
  auto promise = std::make_shared<std::promise<AnswerReport>>();
  auto result = promise->get_future();
  worker.resolve_local(std::move(*message), command.client, resolver::Protocol::kTcp,
                       [promise](base::ByteView response, const QueryContext& context,
                                 const resolver::PolicySnapshot& policy) {
                         promise->set_value(report_answer(response, context, policy));
                       });
  if (result.wait_for(kQueryWait) != std::future_status::ready) return base::Error{std::string("no answer in time")};
  return result.get();
}

/// Each worker has its own view of each upstream: up if any of them gets answers, and the mean of what they measured.
/// Costs a worker the copying of a few names; one that does not react in time is left out.
void collect_upstreams(const std::vector<std::unique_ptr<resolver::Worker>>& workers, MetricsSnapshot& into) {
  using Statuses = std::vector<resolver::UpstreamStatus>;
  std::vector<std::future<Statuses>> waiting;
  for (const auto& worker : workers) {
    auto promise = std::make_shared<std::promise<Statuses>>();
    waiting.push_back(promise->get_future());
    worker->post([&worker = *worker, promise] { promise->set_value(worker.forwarder().status(base::monotonic_now())); });
  }
  struct Sum {
    bool is_up = false;
    double seconds = 0;
    unsigned measured = 0;
  };
  std::map<std::pair<std::string, std::string>, Sum> sums;
  const auto deadline = std::chrono::steady_clock::now() + kStatusWait;
  for (auto& future : waiting) {
    if (future.wait_until(deadline) != std::future_status::ready) continue;
    for (const auto& status : future.get()) {
      Sum& sum = sums[{status.group, status.upstream}];
      sum.is_up |= !status.is_down;
      if (status.round_trip.count() == 0) continue;
      sum.seconds += std::chrono::duration<double>(status.round_trip).count();
      ++sum.measured;
    }
  }
  for (const auto& [key, sum] : sums) {
    const Labels labels = {{"group", key.first}, {"upstream", key.second}};
    into.gauge("upstream_up", "0 after several queries in a row without an answer.", sum.is_up ? 1 : 0, labels);
    if (sum.measured == 0) continue;
    into.gauge("upstream_round_trip_seconds", "Smoothed time that an upstream takes to answer.", sum.seconds / sum.measured,
               labels);
  }
}

}  // namespace

resolver::Worker& Server::any_worker() { return *workers_[next_worker_.fetch_add(1) % workers_.size()]; }

BlockingStatus Server::blocking_status() {
  const std::lock_guard lock(mutex_);
  const BlockingState& state = blocking_.state();
  BlockingStatus status{state.enabled, state.disabled_groups, 0};
  if (state.until) {
    const auto left = std::chrono::duration_cast<seconds>(*state.until - base::monotonic_now());
    status.auto_enable_in_s = static_cast<std::uint32_t>(std::max<std::int64_t>(0, left.count()));
  }
  return status;
}

base::Status Server::enable_blocking() {
  const std::lock_guard lock(mutex_);
  blocking_.enable();
  publish();
  if (shared_) shared_->announce({});
  base::log::info("blocking", "enabled");
  return base::Done{};
}

base::Status Server::disable_blocking(std::chrono::milliseconds duration, const std::vector<std::string>& groups) {
  const std::lock_guard lock(mutex_);
  if (const auto done = blocking_.disable(duration, groups, base::monotonic_now()); !done.ok()) return done;
  publish();
  if (shared_) shared_->announce({false, duration, blocking_.state().disabled_groups});
  base::log::info("blocking", "disabled", {{"duration_ms", std::to_string(duration.count())}});
  return base::Done{};
}

// Another instance switched.
base::Status Server::adopt_blocking(const storage::BlockingChange& change) {
  const std::lock_guard lock(mutex_);
  if (change.enabled) blocking_.enable();
  else if (const auto done = blocking_.disable(change.duration, change.groups, base::monotonic_now()); !done.ok())
    return done;
  publish();
  base::log::info("blocking", change.enabled ? "enabled by another instance" : "disabled by another instance");
  return base::Done{};
}

base::Status Server::refresh_lists() {
  const std::lock_guard loading(loading_mutex_);
  Config config;
  {
    const std::lock_guard lock(mutex_);
    config = config_;
  }
  auto lists = load_lists(config, false);
  if (!lists.ok()) return base::Error{lists.error()};
  const std::lock_guard lock(mutex_);
  filter_ = std::move(lists->filter);
  publish();
  if (!lists->errors.empty()) return base::Error{lists->errors.front()};
  return base::Done{};
}

base::Status Server::flush_cache() {
  cache_->clear();
  if (!shared_) return base::Done{};
  // As Blocky: what is stored goes too; the memory of other instances stays. Ours is empty in any case.
  if (const auto flushed = shared_->flush(); !flushed.ok()) base::log::warn("redis", "flush", {{"error", flushed.error()}});
  return base::Done{};
}

base::Result<QueryOutcome, std::string> Server::query(const QueryCommand& command) {
  auto answer = ask(any_worker(), command);
  if (!answer.ok()) return base::Error{answer.error()};
  return answer->outcome;
}

base::Result<Explanation, std::string> Server::explain(const QueryCommand& command) {
  auto answer = ask(any_worker(), command);
  if (!answer.ok()) return base::Error{answer.error()};
  std::vector<ListEntry> entries;
  std::string cache_path;
  blocklists::ListParserOptions options;
  {
    const std::lock_guard lock(mutex_);
    entries = list_entries(config_.blocking);
    const auto lists = list_options(config_.blocking.loading);
    cache_path = lists.downloads.cache_path;
    options = lists.parser;
  }
  {
    const std::lock_guard one_at_a_time(explain_mutex_);  // each reads whole lists
    locate(answer->rules, entries, cache_path, options);
  }
  return explanation_of(command, std::move(answer).value());
}

void Server::resolve(base::ByteView message, const base::IpAddress& client, std::string_view /*client_id*/, bool /*tls*/,
                     WireDone done) {
  any_worker().resolve_local({message.begin(), message.end()}, client, resolver::Protocol::kHttps,
                             [done = std::move(done)](base::ByteView response, const QueryContext&,
                                                      const resolver::PolicySnapshot&) {
                               done({response.begin(), response.end()});
                             });
}

std::optional<StatsReport> Server::stats() {
  if (!statistics_) return std::nullopt;
  StatsReport report = statistics_->report(base::wall_now());
  const auto policy = policy_.current();
  for (std::size_t i = 0; i < policy->filter->groups().size(); ++i) {
    const std::string& group = policy->filter->groups()[i];
    if (const auto n = policy->filter->group_rule_count(i, Action::kDeny)) report.denylist_entries[group] = n;
    if (const auto n = policy->filter->group_rule_count(i, Action::kAllow)) report.allowlist_entries[group] = n;
  }
  report.cache_entries = cache_->stats().entries;
  return report;
}

HealthReport Server::health() {
  HealthReport report;
  report.answering = started_;
  if (!report.answering) return report;  // a probe may come while start() is still assembling the parts

  auto promise = std::make_shared<std::promise<std::vector<resolver::UpstreamStatus>>>();
  auto statuses = promise->get_future();
  resolver::Worker& worker = any_worker();
  worker.post([&worker, promise] { promise->set_value(worker.forwarder().status(base::monotonic_now())); });
  ComponentHealth upstreams{"upstreams"};
  if (statuses.wait_for(kStatusWait) == std::future_status::ready) {
    double down = 0;
    const auto all = statuses.get();
    for (const auto& upstream : all) {
      if (!upstream.is_down) continue;
      ++down;
      upstreams.last_error = upstream.upstream + " does not answer";
    }
    upstreams.values = {{"configured", static_cast<double>(all.size())}, {"down", down}};
    if (down > 0) upstreams.state = down < static_cast<double>(all.size()) ? ComponentState::kDegraded : ComponentState::kFailed;
  } else {
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
    memory.values = {{"residentBytes", static_cast<double>(process->resident_bytes)},
                     {"cacheBytes", static_cast<double>(cache_->stats().bytes_used)},
                     {"cacheBytesMax", static_cast<double>(cache_->stats().bytes_max)},
                     {"listBytes", static_cast<double>(filter_->memory_bytes())}};
    report.components.push_back(std::move(memory));
  }
  return report;
}

void Server::collect(MetricsSnapshot& into) {
  if (!started_) return;
  into.version = version_text();
  into.build_time = build_time_text();
  const auto policy = policy_.current();
  for (std::size_t i = 0; i < policy->filter->groups().size(); ++i) {
    const std::string& group = policy->filter->groups()[i];
    if (const auto n = policy->filter->group_rule_count(i, Action::kDeny)) into.denylist_entries[group] = n;
    if (const auto n = policy->filter->group_rule_count(i, Action::kAllow)) into.allowlist_entries[group] = n;
  }
  {
    const std::lock_guard lock(mutex_);
    into.blocking_enabled = blocking_.state().enabled;
    const auto age = std::chrono::duration_cast<seconds>(base::wall_now() - lists_complete_at_);
    into.gauge("lists_complete_age_seconds", "Time since the last load of lists without an error (at first, since start).",
               static_cast<double>(age.count()));
    into.gauge("lists_failed_sources", "Sources that the last load of lists could not take.",
               static_cast<double>(list_errors_.size()));
    into.last_list_refresh_unix_s =
        static_cast<double>(std::chrono::duration_cast<seconds>(lists_loaded_at_.time_since_epoch()).count());
  }
  into.failed_downloads = lists_->failed_downloads();
  traffic_.fill(into);
  collect_upstreams(workers_, into);

  std::uint64_t udp = 0, tcp = 0, rejected = 0, timeouts = 0, overload = 0, truncated = 0, log_dropped = 0, stale = 0;
  std::uint64_t upstream_timeouts = 0, upstream_errors = 0, joined = 0, forwarded = 0;
  std::array<std::uint64_t, resolver::kStageCount> stages{};
  for (const auto& worker : workers_) {
    const auto& c = worker->counters_view();
    udp += c.udp_queries.value();
    tcp += c.tcp_queries.value();
    rejected += c.tcp_rejected.value();
    timeouts += c.tcp_timeouts.value();
    overload += c.pending_exhausted.value();
    truncated += c.truncated.value();
    log_dropped += c.log_dropped.value();
    stale += c.stale_answers.value();
    into.cache.hits += c.cache_hits.value();
    into.cache.misses += c.cache_misses.value();
    into.cache.prefetches += c.prefetches.value();
    into.cache.prefetch_hits += c.prefetch_hits.value();
    for (std::size_t i = 0; i < stages.size(); ++i) stages[i] += c.ended_at[i].value();
    const auto& f = worker->forwarder_counters();
    upstream_timeouts += f.timeouts.value();
    upstream_errors += f.network_errors.value() + f.server_failures.value();
    joined += f.joined.value();
    forwarded += f.questions.value();
  }
  if (policy->rate_limiter) {
    MetricsSnapshot::RateLimit limit;
    for (const auto& worker : workers_) {
      limit.drops_by_protocol["udp"] += worker->counters_view().rate_limited_udp.value();
      limit.drops_by_protocol["tcp"] += worker->counters_view().rate_limited_tcp.value();
    }
    limit.cap_exhausted = policy->rate_limiter->no_room();
    limit.active_buckets = policy->rate_limiter->active_buckets(base::monotonic_now());
    into.rate_limit = std::move(limit);
  }
  const auto cache = cache_->stats();
  into.cache.entries = cache.entries;
  const auto count = [&into](const char* name, const char* help, std::uint64_t value, Labels labels = {}) {
    into.counter(name, help, static_cast<double>(value), std::move(labels));
  };
  count("queries_total", "Queries received, by transport.", udp, {{"protocol", "udp"}});
  count("queries_total", "Queries received, by transport.", tcp, {{"protocol", "tcp"}});
  for (std::size_t i = 0; i < stages.size(); ++i)
    count("answers_total", "Queries ended, by the stage that answered.", stages[i],
          {{"stage", std::string(to_text(static_cast<Stage>(i)))}});
  count("tcp_connections_rejected_total", "Connections over a limit.", rejected);
  count("tcp_timeouts_total", "Connections cut off as idle, slow or stuck.", timeouts);
  count("overload_total", "Queries refused because no slot for waiting was left.", overload);
  count("truncated_total", "Responses sent with TC.", truncated);
  count("stale_answers_total", "Expired answers served because the upstreams failed.", stale);
  count("query_log_ring_full_total", "Log events lost because a ring was full.", log_dropped);
  count("upstream_timeouts_total", "Upstream queries without an answer in time.", upstream_timeouts);
  count("upstream_errors_total", "Upstream queries that failed.", upstream_errors);
  count("forwarded_total", "Questions that were to be forwarded.", forwarded);
  count("forwarded_joined_total", "Of these, answered by an identical question in flight.", joined);
  count("cache_evictions_total", "Unexpired answers that made way.", cache.evictions);
  for (std::size_t i = 0; i < blocklists::kRefusalCount; ++i) {
    const auto cause = static_cast<blocklists::Refusal>(i);
    count("lists_refused_total", "New versions of lists that were refused, by cause.", lists_->refusals().value(cause),
          {{"reason", std::string(to_text(cause))}});
  }
  into.gauge("cache_bytes_max", "Bound of the cache's memory.", static_cast<double>(cache.bytes_max));
  into.gauge("cache_bytes", "Memory of cached answers.", static_cast<double>(cache.bytes_used));
  into.gauge("filter_bytes", "Memory of the compiled block lists.", static_cast<double>(policy->filter->memory_bytes()));
  const auto log = query_log_->stats();
  into.gauge("query_log_up", "1 while the query log's sink takes entries.",
             log.state == storage::SinkState::kUp || log.state == storage::SinkState::kReplaying ? 1 : 0);
  if (shared_) {
    const auto r = shared_->status();
    into.redis_buffer_drops = r.dropped_ring_full + r.dropped_queue_full;
    into.gauge("redis_up", "1 while joined with Redis.", r.state == storage::RedisState::kUp ? 1 : 0);
    into.gauge("redis_queued", "Answers that wait to be published.", static_cast<double>(r.queued));
    count("redis_connects_total", "Times Redis was joined.", r.connects);
    count("redis_failures_total", "Attempts that failed and connections that were lost.", r.failures);
    count("redis_published_total", "Answers that Redis stored.", r.published);
    count("redis_refused_total", "Commands that Redis refused.", r.publish_refused);
    constexpr auto* kDropped = "redis_dropped_total";
    constexpr auto* kDroppedHelp = "What was to be shared or taken over and was not, by cause.";
    count(kDropped, kDroppedHelp, r.dropped_ring_full, {{"cause", "ring_full"}});
    count(kDropped, kDroppedHelp, r.dropped_queue_full, {{"cause", "queue_full"}});
    count(kDropped, kDroppedHelp, r.dropped_expired, {{"cause", "expired_in_queue"}});
    count(kDropped, kDroppedHelp, r.bad_messages, {{"cause", "bad_message"}});
    count(kDropped, kDroppedHelp, r.bad_entries, {{"cause", "bad_entry"}});
    count(kDropped, kDroppedHelp, r.dropped_lookups_full, {{"cause", "lookups_full"}});
    for (std::size_t i = 0; i < storage::kTakeOverCount; ++i)
      count("redis_received_total", "Answers of other instances, by what became of them.", r.taken_over[i],
            {{"outcome", std::string(to_text(static_cast<storage::TakeOver>(i)))}});
    count("redis_blocking_adopted_total", "Changes of blocking that came from other instances.", r.blocking_adopted);
    count("redis_blocking_rejected_total", "Such changes that could not be followed.", r.blocking_rejected);
  }
  http_->collect(into);
  count("query_log_written_total", "Entries written by the sink.", log.written);
  count("query_log_fallback_total", "Entries printed because the sink was down.", log.stdout_fallback);
  count("query_log_spooled_total", "Entries put into the spool because the sink was down.", log.spooled);
  count("query_log_replayed_total", "Entries written out of the spool.", log.replayed);
  count("query_log_dropped_total", "Entries lost at a bound.", log.dropped_ring_full, {{"where", "ring"}});
  count("query_log_dropped_total", "Entries lost at a bound.", log.dropped_spool_full, {{"where", "spool"}});
  count("query_log_dropped_total", "Entries lost at a bound.", log.dropped_stdout, {{"where", "stdout"}});
  count("query_log_dropped_total", "Entries lost at a bound.", log.dropped_damaged, {{"where", "damaged"}});
  into.gauge("query_log_spool_waiting", "Entries waiting in the spool.", static_cast<double>(log.spool_waiting));
}

}  // namespace rampart::control
