// What the REST API does with the server. Everything here and in server_health.cc and server_metrics.cc runs on threads
// of the HTTP side; the query path is reached only through published snapshots, posted queries, and counters that are read.
#include <future>

#include "base/log.h"
#include "control/answer_report.h"
#include "control/commands_config.h"
#include "control/server.h"
#include "dns/presentation.h"

namespace rampart::control {
namespace {

using blocklists::Action;
using resolver::QueryContext;
using resolver::Stage;
using storage::Reason;
using std::chrono::seconds;

// Longer than every deadline of the chain together (two upstreams, three tries each), so that only a bug meets it.
constexpr auto kQueryWait = seconds(30);

base::Result<AnswerReport, std::string> ask(resolver::Worker& worker, const QueryCommand& command) {
  auto message = query_message(command.name, command.type);
  if (!message) return base::Error{"'" + command.name + "' is no domain name"};
  auto promise = std::make_shared<std::promise<AnswerReport>>();
  auto result = promise->get_future();
  worker.resolve_local(std::move(*message), command.client, resolver::Protocol::kTcp,
                       [promise](base::ByteView response, const QueryContext& context,
                                 const resolver::PolicySnapshot& policy) {
                         promise->set_value(report_answer(response, context, policy));
                       },
                       command.client_id);
  if (result.wait_for(kQueryWait) != std::future_status::ready) return base::Error{std::string("no answer in time")};
  return result.get();
}

}  // namespace

resolver::Worker& Server::any_worker() { return *workers_[next_worker_.fetch_add(1) % workers_.size()]; }

BlockingStatus Server::blocking_status() {
  const std::lock_guard lock(mutex_);
  const BlockingState& state = blocking_.state();
  BlockingStatus status{state.enabled, state.disabled_groups, 0};
  if (state.until) {
    // Rounded up: 0 would say that nobody but a person ends it.
    const auto left = std::chrono::ceil<seconds>(*state.until - base::monotonic_now());
    status.auto_enable_in_s = static_cast<std::uint32_t>(std::max<std::int64_t>(1, left.count()));
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
  base::log::info("blocking", "disabled", {base::log::number("duration_ms", duration.count())});
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

void Server::resolve(base::ByteView message, const base::IpAddress& client, std::string_view client_id, bool /*tls*/,
                     WireDone done) {
  any_worker().resolve_local({message.begin(), message.end()}, client, resolver::Protocol::kHttps,
                             [done = std::move(done)](base::ByteView response, const QueryContext&,
                                                      const resolver::PolicySnapshot&) {
                               done({response.begin(), response.end()});
                             },
                             std::string(client_id));
}

std::optional<StatsReport> Server::stats() {
  if (!statistics_) return std::nullopt;
  {
    const std::lock_guard lock(mutex_);
    count_drops();
  }
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

}  // namespace rampart::control
