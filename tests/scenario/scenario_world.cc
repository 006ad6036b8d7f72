#include "tests/scenario/scenario_world.h"

#include <sched.h>

#include <algorithm>
#include <ctime>
#include <stdexcept>

#include "control/list_catalog.h"
#include "control/server_options.h"
#include "tests/support/virtual_time.h"

namespace rampart::test {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 5s;           // of real time, for what the kernel still has to carry
constexpr int kQuietRounds = 3;          // so often nothing happened: nothing will
constexpr std::int64_t kStepsMax = 20'000;  // of one pass(): a day in steps of 4.3 s

void replace_all(std::string& text, const std::string& what, const std::string& by) {
  for (std::size_t at; (at = text.find(what)) != std::string::npos;) text.replace(at, what.size(), by);
}

struct ForwarderCounterName {
  const char* name;
  base::Counter resolver::ForwarderCounters::*counter;
};
constexpr ForwarderCounterName kForwarderCounters[] = {
    {"questions", &resolver::ForwarderCounters::questions},
    {"joined", &resolver::ForwarderCounters::joined},
    {"overloaded", &resolver::ForwarderCounters::overloaded},
    {"sent_udp", &resolver::ForwarderCounters::sent_udp},
    {"sent_stream", &resolver::ForwarderCounters::sent_stream},
    {"retransmitted", &resolver::ForwarderCounters::retransmitted},
    {"answers", &resolver::ForwarderCounters::answers},
    {"timeouts", &resolver::ForwarderCounters::timeouts},
    {"network_errors", &resolver::ForwarderCounters::network_errors},
    {"server_failures", &resolver::ForwarderCounters::server_failures},
    {"mismatched_id", &resolver::ForwarderCounters::mismatched_id},
    {"mismatched_question", &resolver::ForwarderCounters::mismatched_question},
    {"case_folded", &resolver::ForwarderCounters::case_folded},
    {"case_disabled", &resolver::ForwarderCounters::case_disabled},
    {"malformed", &resolver::ForwarderCounters::malformed},
    {"edns_disabled", &resolver::ForwarderCounters::edns_disabled},
    {"upstream_truncated", &resolver::ForwarderCounters::truncated},
    {"inflight", &resolver::ForwarderCounters::inflight},
};

struct WorkerCounterName {
  const char* name;
  base::Counter resolver::WorkerCounters::*counter;
};
constexpr WorkerCounterName kWorkerCounters[] = {
    {"cache_hits", &resolver::WorkerCounters::cache_hits},
    {"cache_misses", &resolver::WorkerCounters::cache_misses},
    {"prefetches", &resolver::WorkerCounters::prefetches},
    {"prefetch_hits", &resolver::WorkerCounters::prefetch_hits},
    {"stale_answers", &resolver::WorkerCounters::stale_answers},
    {"truncated", &resolver::WorkerCounters::truncated},
    {"unusable_answers", &resolver::WorkerCounters::unusable_answers},
    {"pending_exhausted", &resolver::WorkerCounters::pending_exhausted},
    {"client_share_exceeded", &resolver::WorkerCounters::client_share_exceeded},
};

}  // namespace

ScenarioWorld::ScenarioWorld(std::string config, const std::vector<std::string>& upstreams)
    : key_(base::random_hash_key()) {
  for (const std::string& name : upstreams) upstreams_.emplace(name, std::make_unique<ScriptedUpstream>());
  publish(std::move(config));
  cache_ = std::make_unique<resolver::Cache>(control::cache_options(config_));
  worker_ = std::make_unique<resolver::Worker>(resolver::WorkerOptions{}, *cache_, published_, nullptr);
}

ScenarioWorld::~ScenarioWorld() { worker_->forwarder().cancel_all(); }

void ScenarioWorld::reload(std::string config) { publish(std::move(config)); }

void ScenarioWorld::publish(std::string config) {
  for (const auto& [name, upstream] : upstreams_) {
    const std::string port = std::to_string(upstream->port());
    replace_all(config, "{" + name + "}", "127.0.0.1:" + port);
    replace_all(config, "{" + name + ".port}", port);
  }
  auto loaded = control::load_text(config, "scenario");
  if (!loaded.ok()) {
    std::string words = "the configuration is refused:";
    for (const auto& fault : loaded.error())
      words += "\n  " + fault.to_text();
    throw std::runtime_error(words);
  }
  config_ = std::move(loaded->config);
  auto lists = control::ListCatalog(key_).load(control::list_entries(config_.blocking),
                                               control::ListCatalog::Effort::kAtHand);
  if (!lists.ok()) throw std::runtime_error("lists: " + lists.error());
  policies_.adopt(config_);
  published_.publish(policies_.build(lists->filter, control::BlockingSwitch(), std::tm{}));
}

std::shared_ptr<ClientQuery> ScenarioWorld::ask(const Bytes& wire, const std::string& client,
                                                resolver::Protocol protocol) {
  auto query = std::make_shared<ClientQuery>();
  const auto asked_at = virtual_now();
  const auto address = base::IpAddress::parse(client);
  if (!address) throw std::runtime_error("`" + client + "` is no address");
  worker_->resolve_local(wire, *address, protocol,
                         [query, asked_at](base::ByteView response, const resolver::QueryContext& context,
                                           const resolver::PolicySnapshot&) {
                           if (query->is_done) throw std::runtime_error("a query was answered twice");
                           query->is_done = true;
                           query->response.assign(response.begin(), response.end());
                           query->reason = context.reason;
                           query->took = virtual_now() - asked_at;
                         });
  settle();
  return query;
}

void ScenarioWorld::settle() {
  for (int quiet = 0; quiet < kQuietRounds;) {
    bool was_busy = worker_->io().poll() != 0;
    for (const auto& [name, upstream] : upstreams_) was_busy |= upstream->work();
    quiet = was_busy ? 0 : quiet + 1;
  }
}

void ScenarioWorld::pass(std::chrono::nanoseconds time) {
  settle();
  const auto end = virtual_now() + time;
  const auto step = std::max<std::chrono::nanoseconds>(1ms, time / kStepsMax);
  while (virtual_now() < end) {
    advance_the_clock(std::min<std::chrono::nanoseconds>(step, end - virtual_now()));
    settle();
  }
}

bool ScenarioWorld::wait_until(const std::function<bool()>& condition) {
  const auto end = real_now() + kPatience;
  settle();
  while (!condition()) {
    if (real_now() > end) return false;
    sched_yield();
    settle();
  }
  return true;
}

std::uint64_t ScenarioWorld::counter(const std::string& name) const {
  for (const auto& row : kForwarderCounters)
    if (name == row.name) return (worker_->forwarder_counters().*row.counter).value();
  for (const auto& row : kWorkerCounters)
    if (name == row.name) return (worker_->counters_view().*row.counter).value();
  if (name == "cache_entries") return cache_->stats().entries;
  throw std::runtime_error("no counter is named `" + name + "`: add it to the tables of scenario_world.cc");
}

}  // namespace rampart::test
