#include "control/server.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <future>
#include <map>
#include <thread>
#include <vector>

#include "base/idle_thread.h"
#include "base/log.h"
#include "base/sd_notify.h"
#include "control/commands_config.h"
#include "control/file_limit.h"
#include "control/server_options.h"
#include "resolver/listen_socket.h"

namespace rampart::control {
namespace {

namespace log = base::log;
using std::chrono::seconds;

constexpr auto kDrainMax = seconds(5);
constexpr auto kFlushMax = seconds(5);
constexpr auto kProbeMax = seconds(30);
constexpr auto kShareMax = std::chrono::milliseconds(1000);
constexpr int kTickMs = 1000;  // schedules have minutes, timed disables have seconds

std::tm local_time() {
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  return local;
}

sigset_t handled_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) sigaddset(&set, number);
  return set;
}

// Before any thread exists, so that all inherit the mask and only run() sees signals. SIGPIPE is an error code to us.
void block_signals() {
  const sigset_t set = handled_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

}  // namespace

Server::Server(std::string config_path) : config_path_(std::move(config_path)) {}
Server::~Server() { stop(); }

base::Status Server::start() {
  block_signals();
  auto config = load_config();
  if (!config.ok()) return base::Error{config.error()};
  config_ = std::move(config).value();
  const auto files = raise_file_limit(files_needed(config_));
  if (files.allowed < files.needed)
    log::warn("server", "too few file descriptors for all the clients that are allowed; raise LimitNOFILE, or ulimit -n",
              {log::number("allowed", files.allowed), log::number("needed", files.needed)});

  auto lists = load_lists(config_, true);
  if (!lists.ok()) return base::Error{lists.error()};
  if (auto refused = refusal_for_lists(config_, *lists)) return base::Error{std::move(*refused)};
  take_over_lists(std::move(lists).value());

  if (config_.statistics) statistics_ = std::make_unique<Statistics>();
  observe_traffic(config_);
  cache_ = std::make_unique<resolver::Cache>(cache_options(config_));
  const unsigned count = config_.workers != 0 ? config_.workers : std::max(1u, std::thread::hardware_concurrency());
  query_log_ = std::make_unique<storage::QueryLog>(query_log_options(config_, observer_), count);
  if (const auto started = query_log_->start(); !started.ok()) return base::Error{"queryLog: " + started.error()};

  policies_.adopt(config_);
  blocking_.set_known_groups(deny_groups(config_.blocking));
  if (const auto hosts = start_hosts(); !hosts.ok()) return hosts;
  if (const auto joined = join_redis(count); !joined.ok()) return joined;

  const auto census = std::make_shared<resolver::ConnectionCensus>(config_.tcp.max_connections,
                                                                   config_.tcp.max_connections_per_client);
  client_names_ = std::make_unique<resolver::ClientNames>(count);
  client_names_->configure(client_names_options(config_));
  {
    const std::lock_guard lock(mutex_);  // publish() walks them, and hosts files or Redis may call for it already
    for (unsigned i = 0; i < count; ++i)
      workers_.push_back(std::make_unique<resolver::Worker>(
          worker_options(config_, i, census), *cache_, policy_, &query_log_->ring(i),
          shared_ ? &shared_->ring(i) : nullptr, client_names_.get()));
  }
  for (auto& worker : workers_) worker->start();
  if (const auto tested = test_upstreams(); !tested.ok()) return tested;
  auto listeners = open_listeners(config_);
  if (!listeners.ok()) return base::Error{listeners.error()};
  add_listeners(std::move(listeners).value());
  if (const auto http = start_http(config_); !http.ok()) return http;
  loader_ = std::make_unique<LoadThread>(LoadThread::Work{[this] { reload_and_say_so(); }, [this] {
    if (const auto done = refresh_lists(); !done.ok())
      log::warn("lists", "refresh incomplete", {{"error", done.error()}});
  }});
  const std::lock_guard lock(mutex_);  // the API is up already, and may refresh lists
  schedule_refresh();
  client_hosts_.adopt(client_hosts(config_.blocking));
  look_up_client_hosts();
  started_ = true;
  log::info("server", "ready", {log::number("workers", count), log::number("rules", filter_->rule_count())});
  return base::Done{};
}

// Once somebody wants to know; for as long as the process lives.
void Server::observe_traffic(const Config& config) {
  if (observer_ || (!statistics_ && !config.prometheus.enable)) return;
  traffic_observer_ = std::make_unique<TrafficObserver>(traffic_, statistics_.get());
  observer_ = std::make_shared<const storage::QueryObserver>(
      [this](const storage::QueryEventView& event, const storage::QueryEventTexts& texts) {
        traffic_observer_->observe(event, texts);
      });
}

// Publishes the first policy, too: the keeper's thread may want to publish the next one at any time from here on.
base::Status Server::start_hosts() {
  hosts_ = std::make_unique<HostsKeeper>(key_, [this] {
    const std::lock_guard lock(mutex_);
    policies_.set_hosts(hosts_->names());
    publish();
  });
  if (const auto started = hosts_->start(config_.hosts_file, hosts_downloads(config_)); !started.ok()) return started;
  const std::lock_guard lock(mutex_);
  policies_.set_hosts(hosts_->names());
  publish();
  return base::Done{};
}

// Before the workers start, so that the first answers know the shared cache and switch; briefly, if Redis is away.
base::Status Server::join_redis(unsigned workers) {
  if (config_.redis.address.empty()) return base::Done{};
  intake_ = std::make_unique<resolver::CacheIntake>(*cache_);
  storage::SharedStateHooks hooks;
  hooks.take_over = [this](const storage::SharedKey& key, base::ByteView message, std::uint32_t ttl_seconds) {
    return intake_->take_over(key, message, ttl_seconds, *policy_.current(), base::monotonic_now());
  };
  hooks.adopt_blocking = [this](const storage::BlockingChange& change) { return adopt_blocking(change); };
  shared_ = std::make_unique<storage::SharedState>(redis_options(config_.redis), std::move(hooks), workers);
  if (const auto started = shared_->start(); !started.ok()) return base::Error{"redis: " + started.error()};
  return base::Done{};
}

// Blocky's init strategies: `fast` asks nothing, `blocking` warns, `failOnError` ends the start if a group of upstreams
// has none that answers.
base::Status Server::test_upstreams() {
  if (config_.upstreams.init_strategy == InitStrategy::kFast) return base::Done{};
  using Results = std::vector<resolver::Forwarder::ProbeResult>;
  auto promise = std::make_shared<std::promise<Results>>();
  auto future = promise->get_future();
  resolver::Worker& worker = *workers_.front();
  worker.post([&worker, promise] {
    worker.begin_batch();
    worker.forwarder().probe([promise](Results results) { promise->set_value(std::move(results)); });
  });
  if (future.wait_for(kProbeMax) != std::future_status::ready) return base::Error{std::string("upstreams: test did not end")};
  std::map<std::string, bool> group_has_one;
  for (const auto& result : future.get()) {
    group_has_one[result.group] |= result.ok;
    if (!result.ok)
      log::warn("upstream", "initial resolver test failed", {{"upstream", result.upstream}, {"error", result.error}});
  }
  if (config_.upstreams.init_strategy != InitStrategy::kFailOnError) return base::Done{};
  // Groups of single domains are not tested so strictly, as in Blocky: a printer's server may be switched off.
  for (const auto& [group, has_one] : group_has_one)
    if (!has_one && config_.upstreams.groups.contains(group)) return base::Error{"no valid upstream for group " + group + " (upstreams.init.strategy is failOnError)"};
  return base::Done{};
}

base::Status Server::start_http(const Config& config) {
  if (http_) return http_->adopt(config);
  auto http = HttpService::start(config, *this);
  if (!http.ok()) return base::Error{http.error()};
  http_ = std::move(http).value();
  return base::Done{};
}

void Server::publish() {
  auto policy = policies_.build(filter_, blocking_, local_time());
  active_groups_ = policy->active_groups;
  policy_.publish(std::move(policy));
  // A worker without queries would hold the old one, and its index, until its next query.
  for (auto& worker : workers_) worker->post([&worker = *worker] { worker.begin_batch(); });
}

// With mutex_.
void Server::look_up_client_hosts() {
  const bool has_changed = client_hosts_.tick(
      base::monotonic_now(), [this](const std::string& host, dns::RrType type, ClientHosts::Reply reply) {
        any_worker().look_up(*dns::Name::parse(host), type,
                             [type, reply = std::move(reply)](const resolver::ForwardResult& result) {
                               reply(host_answer(result, type));
                             });
      });
  if (!has_changed) return;
  policies_.set_client_hosts(client_hosts_.addresses());
  publish();
}

// Drops of the rate limit are no log events: a flood would push those of everybody else out of the rings. So the
// statistics get their number from the counters. With mutex_.
void Server::count_drops() {
  if (!statistics_) return;
  std::uint64_t drops = 0;
  for (const auto& worker : workers_)
    drops += worker->counters_view().rate_limited_udp.value() + worker->counters_view().rate_limited_tcp.value();
  if (drops == drops_counted_) return;
  statistics_->record_drops(base::wall_now(), drops - drops_counted_);
  drops_counted_ = drops;
}

void Server::tick() {
  if (policy_.retired() > 0) base::run_idle([this] { free_old_policies(std::chrono::milliseconds(0)); });
  const std::lock_guard lock(mutex_);
  look_up_client_hosts();
  count_drops();
  if (blocking_.expire(base::monotonic_now())) log::info("blocking", "enabled again: the time is over");
  if (policies_.active_groups(*filter_, blocking_, local_time()) != active_groups_) publish();
  if (base::monotonic_now() < refresh_due_) return;
  schedule_refresh();
  loader_->ask_refresh();
}

void Server::print_state() {
  std::uint64_t udp = 0, tcp = 0;
  for (const auto& worker : workers_) {
    udp += worker->counters_view().udp_queries.value();
    tcp += worker->counters_view().tcp_queries.value();
  }
  const auto cache = cache_->stats();
  const std::lock_guard lock(mutex_);
  log::info("server", "state",
            {log::number("rules", filter_->rule_count()),
             log::number("rule_bytes", filter_->memory_bytes()),
             log::number("cache_entries", cache.entries), log::number("cache_bytes", cache.bytes_used),
             log::number("udp_queries", udp),
             log::number("tcp_queries", tcp),
             {"blocking", blocking_.state().enabled ? "enabled" : "disabled"}});
}

void Server::run() {
  const sigset_t set = handled_signals();
  const resolver::OwnedFd signals(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  base::sd_notify("READY=1");
  for (bool running = true; running;) {
    pollfd waiting{signals.get(), POLLIN, 0};
    poll(&waiting, 1, kTickMs);
    signalfd_siginfo info;
    while (running && read(signals.get(), &info, sizeof(info)) == sizeof(info)) {
      if (info.ssi_signo == SIGHUP) {
        loader_->ask_reload();
      } else if (info.ssi_signo == SIGUSR1) {
        print_state();
      } else {
        running = false;
      }
    }
    if (running) tick();
  }
  log::info("server", "Terminating...");
  base::sd_notify("STOPPING=1");
  stop();
}

void Server::stop() {
  if (workers_.empty()) {
    if (shared_) shared_->stop(std::chrono::milliseconds(0));  // a start that failed behind it
    return;
  }
  started_ = false;
  lists_->stop();
  hosts_->stop();
  if (loader_) loader_->stop();
  if (http_) http_->stop(std::chrono::seconds(1));
  http_.reset();
  for (auto& worker : workers_) worker->drain();
  const auto deadline = base::monotonic_now() + kDrainMax;
  const auto busy = [this] {
    return std::any_of(workers_.begin(), workers_.end(), [](const auto& worker) { return worker->pending() != 0; });
  };
  do {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // polls; nothing signals an empty pool
  } while (busy() && base::monotonic_now() < deadline);
  for (auto& worker : workers_) worker->stop();
  client_names_->stop();
  query_log_->stop(std::chrono::duration_cast<std::chrono::milliseconds>(kFlushMax));
  if (shared_) shared_->stop(kShareMax);
  workers_.clear();
}

}  // namespace rampart::control
