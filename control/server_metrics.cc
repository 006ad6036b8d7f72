// The copy of all counters that one scrape shows. It reads what workers count anyway; only the state of upstreams is
// asked of them.
#include <map>

#include "control/commands_config.h"
#include "control/server.h"
#include "control/upstream_overview.h"
#include "control/utf8_prefix.h"
#include "resolver/rate_limiter.h"

namespace rampart::control {
namespace {

using blocklists::Action;
using resolver::Stage;
using std::chrono::seconds;

void collect_upstreams(const std::vector<std::unique_ptr<resolver::Worker>>& workers, MetricsSnapshot& into) {
  for (const auto& one : overview_of_upstreams(workers).upstreams) {
    const Labels labels = {{"group", one.group}, {"upstream", one.upstream}};
    into.gauge("upstream_up", "0 after several queries in a row without an answer.", one.is_down ? 0 : 1, labels);
    if (one.round_trip_s)
      into.gauge("upstream_round_trip_seconds", "Smoothed time that an upstream takes to answer.", *one.round_trip_s, labels);
  }
}

/// Hits of each list, summed over workers, and what is known of the version in force. Two inline lists may begin with
/// the same words, and a scrape must not hold a series twice: such lists are counted together.
void collect_lists(const std::vector<std::unique_ptr<resolver::Worker>>& workers, const ListSlotTable& slots,
                   const std::vector<ListCatalog::Outcome::ListState>& states, MetricsSnapshot& into) {
  constexpr auto* kHits = "list_hits_total";
  constexpr auto* kHitsHelp = "Queries that a rule of the list denied or let through.";
  const auto hits_of = [&workers](std::uint16_t slot) {
    std::uint64_t sum = 0;
    for (const auto& worker : workers) sum += worker->counters_view().list_hits[slot].value();
    return static_cast<double>(sum);
  };
  std::map<std::vector<std::string>, double> hits;
  for (const auto& [identity, slot] : slots.slots()) {
    const char* action = identity.action == Action::kDeny ? "deny" : "allow";
    hits[{std::string(utf8_prefix(identity.list, kLabelBytesMax)), identity.group, action}] += hits_of(slot);
  }
  if (const double others = hits_of(resolver::kOtherLists); others > 0)
    hits[{std::string(kOtherLabel), std::string(kOtherLabel), std::string(kOtherLabel)}] = others;
  for (const auto& [key, count] : hits)
    into.counter(kHits, kHitsHelp, count, {{"list", key[0]}, {"group", key[1]}, {"action", key[2]}});

  struct State {
    double entries = 0;
    std::optional<double> age;
  };
  std::map<std::string, State> by_list;
  for (const auto& state : states) {
    State& one = by_list[std::string(utf8_prefix(state.list, kLabelBytesMax))];
    one.entries += static_cast<double>(state.entries);
    if (state.read_at == base::WallTime{}) continue;
    const double age = std::chrono::duration<double>(base::wall_now() - state.read_at).count();
    one.age = std::max(one.age.value_or(0), age);
  }
  for (const auto& [list, state] : by_list) {
    into.gauge("list_entries", "Entries of the version in force.", state.entries, {{"list", list}});
    if (state.age)
      into.gauge("list_age_seconds", "Time since the version in force was read from its source.", *state.age, {{"list", list}});
  }
}

/// How full the rings between workers and the log's thread are.
void collect_rings(storage::QueryLog& log, std::size_t workers, MetricsSnapshot& into) {
  for (std::size_t i = 0; i < workers; ++i) {
    const Labels labels = {{"worker", std::to_string(i)}};
    into.gauge("query_log_ring_bytes", "Events that wait in a worker's ring.", static_cast<double>(log.ring(i).used()), labels);
    into.gauge("query_log_ring_bytes_max", "Size of that ring.", static_cast<double>(log.ring(i).capacity()), labels);
  }
}

void collect_client_names(const resolver::ClientNames& names, const ClientHosts& hosts, MetricsSnapshot& into) {
  const auto count = [&into](const char* name, const char* help, std::uint64_t value, Labels labels = {}) {
    into.counter(name, help, static_cast<double>(value), std::move(labels));
  };
  const auto& c = names.counters();
  constexpr auto* kLookUps = "client_name_lookups_total";
  constexpr auto* kLookUpsHelp = "Reverse look-ups of clients that ended, by what they found.";
  count(kLookUps, kLookUpsHelp, c.named.value(), {{"outcome", "names"}});
  count(kLookUps, kLookUpsHelp, c.nameless.value(), {{"outcome", "none"}});
  count(kLookUps, kLookUpsHelp, c.failed.value(), {{"outcome", "failed"}});
  constexpr auto* kDropped = "client_name_requests_dropped_total";
  constexpr auto* kDroppedHelp = "Reverse look-ups that were put off at a bound.";
  count(kDropped, kDroppedHelp, names.requests_refused(), {{"cause", "ring_full"}});
  count(kDropped, kDroppedHelp, c.waiting_full.value(), {{"cause", "queue_full"}});
  count("client_names_evicted_total", "Clients whose names were forgotten to make room.", c.evicted.value());
  count("client_names_cut_total", "Answers with more or longer names than are kept.", c.names_cut.value());
  into.gauge("client_names_known", "Clients whose name, or lack of one, is remembered.",
             static_cast<double>(c.known.value()));
  count("client_host_lookups_total", "Look-ups of host names that stand for clients.", hosts.look_ups());
  count("client_host_failures_total", "Of these, those that nobody answered.", hosts.failures());
  count("client_host_addresses_cut_total", "Answers to these with more addresses than are kept.", hosts.addresses_cut());
}

}  // namespace

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
    collect_lists(workers_, policies_.list_slots(), list_states_, into);
    into.gauge("lists_complete_age_seconds", "Time since the last load of lists without an error (at first, since start).",
               static_cast<double>(age.count()));
    into.gauge("lists_failed_sources", "Sources that the last load of lists could not take.",
               static_cast<double>(list_errors_.size()));
    into.last_list_refresh_unix_s =
        static_cast<double>(std::chrono::duration_cast<seconds>(lists_loaded_at_.time_since_epoch()).count());
  }
  into.failed_downloads = lists_->failed_downloads() + hosts_->failed_downloads();
  if (const auto hosts = hosts_->names())
    into.gauge("hosts_names", "Names from hosts files.", static_cast<double>(hosts->name_count()));
  traffic_.fill(into);
  collect_upstreams(workers_, into);

  std::uint64_t udp = 0, tcp = 0, rejected = 0, proxy_errors = 0, timeouts = 0, overload = 0, truncated = 0, log_dropped = 0, stale = 0;
  std::uint64_t over_share = 0;
  std::uint64_t upstream_timeouts = 0, upstream_errors = 0, joined = 0, forwarded = 0;
  std::array<std::uint64_t, resolver::kStageCount> stages{};
  for (const auto& worker : workers_) {
    const auto& c = worker->counters_view();
    udp += c.udp_queries.value();
    tcp += c.tcp_queries.value();
    rejected += c.tcp_rejected.value();
    proxy_errors += c.tcp_proxy_errors.value();
    timeouts += c.tcp_timeouts.value();
    overload += c.pending_exhausted.value();
    over_share += c.client_share_exceeded.value();
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
  count("tcp_proxy_errors_total", "Connections closed for want of a valid PROXY header from a trusted proxy.", proxy_errors);
  count("tcp_timeouts_total", "Connections cut off as idle, slow or stuck.", timeouts);
  count("overload_total", "Queries refused because no slot for waiting was left.", overload);
  count("client_overload_total", "Queries refused because their client held as many such slots as were left.",
        over_share);
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
    count("redis_warm_starts_cut_total", "Warm starts that ended at a bound before all stored answers were read.", r.warm_cut_short);
    count("redis_blocking_adopted_total", "Changes of blocking that came from other instances.", r.blocking_adopted);
    count("redis_blocking_rejected_total", "Such changes that could not be followed.", r.blocking_rejected);
  }
  collect_client_names(*client_names_, client_hosts_, into);
  http_->collect(into);
  collect_rings(*query_log_, workers_.size(), into);
  into.gauge("build_info", "1; what runs here.", 1, {{"version", into.version}, {"build_time", into.build_time}});
  into.counter("traffic_folded_total", "Queries counted under '(other)' because too many label values were in use.",
               static_cast<double>(traffic_.folded()));
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
