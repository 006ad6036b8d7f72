// The whole server, wired in one place: configuration in, running workers out. It owns everything that lives as
// long as the process; main.cc creates one and run() does the rest. server.cc builds, runs and stops
// it; server_reload.cc loads configuration and lists into it; server_listeners.cc opens its DNS ports; server_plane.cc,
// server_health.cc and server_metrics.cc are what API, health and metrics see of it.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/keyed_hash.h"
#include "base/result.h"
#include "base/snapshot.h"
#include "control/blocking_switch.h"
#include "control/client_hosts.h"
#include "control/config.h"
#include "control/control_plane.h"
#include "control/hosts_keeper.h"
#include "control/http_service.h"
#include "control/list_catalog.h"
#include "control/load_thread.h"
#include "control/policy_builder.h"
#include "control/traffic_observer.h"
#include "resolver/cache_intake.h"
#include "resolver/client_names.h"
#include "resolver/worker.h"
#include "storage/query_log.h"
#include "storage/shared_state.h"

namespace rampart::control {

class Server final : public ControlPlane {
 public:
  /// `config_path`: file or folder, read again at each reload.
  explicit Server(std::string config_path);
  ~Server() override;

  /// Loads, builds, opens sockets, starts workers. On error nothing runs and nothing listens.
  [[nodiscard]] base::Status start();

  /// Handles signals until SIGTERM or SIGINT, then drains: stops accepting, finishes what is in flight (at most
  /// 5 s), flushes the log. SIGHUP has the load thread reload, SIGUSR1 prints the state.
  void run();

  /// Builds the new state beside the old one and swaps it in whole. On any fault the old one stays.
  [[nodiscard]] base::Status reload();

  // ControlPlane
  BlockingStatus blocking_status() override;
  base::Status enable_blocking() override;
  base::Status disable_blocking(std::chrono::milliseconds duration, const std::vector<std::string>& groups) override;
  base::Status refresh_lists() override;
  base::Status flush_cache() override;
  base::Result<QueryOutcome, std::string> query(const QueryCommand& command) override;
  base::Result<Explanation, std::string> explain(const QueryCommand& command) override;
  void resolve(base::ByteView message, const base::IpAddress& client, std::string_view client_id, bool tls,
               WireDone done) override;
  std::optional<StatsReport> stats() override;
  HealthReport health() override;
  void collect(MetricsSnapshot& into) override;

 private:
  base::Result<Config, std::string> load_config();
  base::Result<ListCatalog::Outcome, std::string> load_lists(const Config& config, bool starting);
  base::Result<ListCatalog::Outcome, std::string> read_lists(const Config& config, bool starting);
  void take_over_lists(ListCatalog::Outcome lists);
  struct OpenedListener {
    base::IpEndpoint address;
    std::vector<resolver::ListenPair> pairs;  // one for each worker; none has it yet
  };
  base::Result<std::vector<OpenedListener>, std::string> open_listeners(const Config& config);
  void add_listeners(std::vector<OpenedListener> opened);
  base::Status start_hosts();
  [[nodiscard]] blocklists::DownloadOptions hosts_downloads(const Config& config) const;
  base::Status join_redis(unsigned workers);
  base::Status adopt_blocking(const storage::BlockingChange& change);
  base::Status test_upstreams();
  void observe_traffic(const Config& config);
  void reload_and_say_so();
  void schedule_refresh();
  void look_up_client_hosts();
  void count_drops();
  base::Status start_http(const Config& config);
  void remove_listeners(const Config& next);
  void publish();
  void free_old_policies(std::chrono::milliseconds wait_max);
  void tick();
  void print_state();
  void stop();
  resolver::Worker& any_worker();

  const std::string config_path_;
  const base::HashKey key_ = base::random_hash_key();

  // One (re)load at a time; taken before mutex_. Loading may take minutes, and nothing but loads waits for it.
  std::mutex loading_mutex_;
  std::unique_ptr<ListCatalog> lists_;
  std::vector<base::IpEndpoint> listening_;

  std::mutex explain_mutex_;  // one search for the lines of rules at a time; taken alone

  std::mutex mutex_;  // guards the members up to the blank line; control, load and API threads meet here
  Config config_;
  std::vector<std::string> list_errors_;
  std::vector<ListCatalog::Outcome::ListState> list_states_;
  base::WallTime lists_loaded_at_{};
  base::WallTime lists_complete_at_ = base::wall_now();  ///< last load without an error; at first, the start
  std::shared_ptr<const blocklists::FilterSet> filter_;
  BlockingSwitch blocking_;
  PolicyBuilder policies_;
  ClientHosts client_hosts_;
  blocklists::GroupMask active_groups_ = 0;
  std::atomic<bool> started_{false};
  base::Instant refresh_due_ = base::Instant::max();
  bool lists_pending_ = false;  ///< started without downloads
  std::uint64_t drops_counted_ = 0;  ///< of the rate limit, in the statistics

  // Made at start; safe from any thread.
  base::Published<resolver::PolicySnapshot> policy_;
  TrafficCounters traffic_;
  std::unique_ptr<Statistics> statistics_;
  std::unique_ptr<TrafficObserver> traffic_observer_;
  std::shared_ptr<const storage::QueryObserver> observer_;
  std::unique_ptr<resolver::Cache> cache_;
  std::unique_ptr<storage::QueryLog> query_log_;
  std::unique_ptr<resolver::CacheIntake> intake_;   ///< Redis thread
  std::unique_ptr<storage::SharedState> shared_;    ///< null: no `redis.address` at start
  std::unique_ptr<resolver::ClientNames> client_names_;
  std::vector<std::unique_ptr<resolver::Worker>> workers_;
  std::atomic<unsigned> next_worker_{0};
  std::unique_ptr<HttpService> http_;
  std::unique_ptr<HostsKeeper> hosts_;
  std::unique_ptr<LoadThread> loader_;
};

}  // namespace rampart::control
