// What loads and takes over configuration and lists while the server serves: on the load thread, but for refreshes
// that the API asks for. Loading may take minutes, and nothing here holds mutex_ meanwhile.
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <thread>
#include <utility>

#include "base/idle_thread.h"
#include "base/log.h"
#include "base/random.h"
#include "base/sd_notify.h"
#include "control/config_loader.h"
#include "control/refresh_jitter.h"
#include "control/server.h"
#include "control/server_options.h"

namespace rampart::control {
namespace {

namespace log = base::log;

// Old policies wait for queries that are being forwarded; a load does not wait for those, and holds one index more.
constexpr auto kRetireWaitMax = std::chrono::milliseconds(500);

// Nobody reads signals while start() loads; a download that tries for ever has to see for itself.
bool stop_is_pending() {
  sigset_t pending;
  return sigpending(&pending) == 0 && (sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1);
}

void configure_log(const Config& config) {
  log::configure({config.log.level, config.log.json, config.log.timestamp,
                  isatty(STDOUT_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr});
}

}  // namespace

base::Result<Config, std::string> Server::load_config() {
  auto loaded = load(config_path_);
  if (!loaded.ok()) {
    std::string text = "configuration refused:";
    for (const auto& fault : loaded.error()) text += "\n  " + fault.to_text();
    return base::Error{text};
  }
  if (!started_) configure_log(loaded->config);
  for (const auto& warning : loaded->warnings) log::warn("config", warning.to_text());
  return std::move(loaded->config);
}

// A start takes what is on disk if it must be `fast`, or if nothing is missing there: a list host that hangs must
// not keep anybody waiting for answers. Downloads follow at once.
base::Result<ListCatalog::Outcome, std::string> Server::read_lists(const Config& config, bool starting) {
  const auto entries = list_entries(config.blocking);
  if (!starting) {
    // While it serves, loading takes only the processor time that nobody else wants.
    base::Result<ListCatalog::Outcome, std::string> outcome{base::Error{std::string("not read")}};
    base::run_idle([&] {
      free_old_policies(kRetireWaitMax);
      outcome = lists_->prepare(entries, ListCatalog::Effort::kFull);
    });
    return outcome;
  }
  const bool is_fast = config.blocking.loading.strategy == InitStrategy::kFast;
  if (is_fast || !config.blocking.loading.downloads.cache_path.empty()) {
    auto outcome = lists_->load(entries, ListCatalog::Effort::kAtHand);
    if (!outcome.ok()) return outcome;
    if (is_fast || (outcome->is_complete && outcome->errors.empty())) {
      lists_pending_ = true;
      return outcome;
    }
  }
  return lists_->load(entries, ListCatalog::Effort::kFull);
}

base::Result<ListCatalog::Outcome, std::string> Server::load_lists(const Config& config, bool starting) {
  if (!lists_) lists_ = std::make_unique<ListCatalog>(key_);
  auto options = list_options(config);
  options.downloads.is_stopping = stop_is_pending;
  lists_->set_options(std::move(options));
  return read_lists(config, starting);
}

// With mutex_, and loading_mutex_ but at the start.
void Server::take_over_lists(ListCatalog::Outcome lists) {
  filter_ = std::move(lists.filter);
  list_states_ = std::move(lists.lists);
  list_errors_ = std::move(lists.errors);
  list_errors_.insert(list_errors_.end(), lists.stale.begin(), lists.stale.end());
  lists_loaded_at_ = base::wall_now();
  if (list_errors_.empty()) lists_complete_at_ = lists_loaded_at_;
}

blocklists::DownloadOptions Server::hosts_downloads(const Config& config) const {
  auto options = list_options(config).downloads;
  options.is_stopping = stop_is_pending;
  return options;
}

// Not on a worker, which would stand still meanwhile: the kernel takes milliseconds to take back a large index.
void Server::free_old_policies(std::chrono::milliseconds wait_max) {
  const auto deadline = base::monotonic_now() + wait_max;
  while (true) {
    policy_.take_unused().clear();
    if (policy_.retired() == 0 || base::monotonic_now() >= deadline) return;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));  // polls; nothing signals the end of a query
  }
}

base::Status Server::reload() {
  const std::lock_guard loading(loading_mutex_);
  base::sd_notify("RELOADING=1");
  auto next = load_config();
  if (!next.ok()) return base::Error{next.error()};
  auto lists = load_lists(*next, false);
  if (!lists.ok()) return base::Error{lists.error()};
  if (!started_) return base::Error{std::string("the server is stopping")};  // so what was loaded is not whole
  if (auto refused = refusal_for_lists(*next, *lists)) return base::Error{std::move(*refused)};
  observe_traffic(*next);
  // What can fail comes first and takes nothing into use; what has been opened closes by itself.
  auto listeners = open_listeners(*next);
  if (!listeners.ok()) return base::Error{listeners.error()};
  if (const auto http = start_http(*next); !http.ok()) return http;
  if (const auto log_changed = query_log_->reconfigure(query_log_options(*next, observer_)); !log_changed.ok()) {
    if (const auto back = start_http(config_); !back.ok())
      log::error("server", "HTTP listeners of the previous configuration do not come back",
                 {{"error", back.error()}});
    return base::Error{"queryLog: " + log_changed.error()};
  }
  // Nothing fails from here on.
  configure_log(*next);
  lists_->commit(*lists);
  add_listeners(std::move(listeners).value());
  if (shared_ && !next->redis.address.empty()) {
    shared_->reconfigure(redis_options(next->redis));
  } else if (next->redis.address.empty() != (shared_ == nullptr)) {
    log::warn("server", "`redis` takes effect at the next start");
  }
  keep_until_restart(config_, *next);
  remove_listeners(*next);
  hosts_->reload(next->hosts_file, hosts_downloads(*next));
  client_names_->configure(client_names_options(*next));
  const std::lock_guard lock(mutex_);
  client_hosts_.adopt(client_hosts(next->blocking));
  config_ = std::move(next).value();
  take_over_lists(std::move(lists).value());
  policies_.adopt(config_);
  policies_.set_hosts(hosts_->names());
  policies_.set_client_hosts(client_hosts_.addresses());
  blocking_.set_known_groups(deny_groups(config_.blocking));
  publish();
  schedule_refresh();
  return base::Done{};
}

void Server::reload_and_say_so() {
  log::info("server", "reloading");
  if (const auto done = reload(); done.ok()) log::info("server", "reloaded");
  else log::error("server", "reload failed, the previous configuration stays in force", {{"error", done.error()}});
  if (started_) base::sd_notify("READY=1");
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
  const auto errors = lists->errors;
  lists_->commit(*lists);
  const std::lock_guard lock(mutex_);
  take_over_lists(std::move(lists).value());
  publish();
  if (!errors.empty()) return base::Error{errors.front()};
  return base::Done{};
}

// With mutex_.
void Server::schedule_refresh() {
  const auto period = config_.blocking.loading.refresh_period;
  if (period.count() <= 0) {
    refresh_due_ = base::Instant::max();
    return;
  }
  base::SecureRandom random;
  refresh_due_ = base::monotonic_now() + jittered(period, random);
  if (lists_pending_) refresh_due_ = base::monotonic_now();
  lists_pending_ = false;
}

}  // namespace rampart::control
