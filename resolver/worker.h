// A worker: one thread with its own event loop, sockets, upstream connections, pipeline, pool of waiting queries,
// log ring and counters. Nothing of it is touched from outside but through post(), the published policy and the
// counters.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "base/snapshot.h"
#include "base/time.h"
#include "resolver/cache.h"
#include "resolver/client_names.h"
#include "resolver/client_shares.h"
#include "resolver/connection_census.h"
#include "resolver/counters.h"
#include "resolver/forwarder.h"
#include "resolver/pending_query.h"
#include "resolver/pipeline.h"
#include "resolver/policy.h"
#include "resolver/stream_listener.h"
#include "resolver/udp_listener.h"
#include "storage/query_log.h"

namespace rampart::resolver {

struct WorkerOptions {
  unsigned index = 0;
  std::size_t pending_max = 16384;  ///< queries that wait for an upstream; about 3 KiB each, made as needed
  StreamLimits stream;
  ForwarderOptions forwarder;
  std::shared_ptr<ConnectionCensus> connections;  ///< shared by all workers of a server; null: without limits
};

/// The sockets of one listen address for one worker.
struct ListenPair {
  base::IpEndpoint address;
  OwnedFd udp;
  OwnedFd tcp;
};

class Worker {
 public:
  /// What holds for all queries of one batch.
  struct Batch {
    const std::shared_ptr<const PolicySnapshot>& policy_owner;
    const PolicySnapshot* policy;
    base::Instant now;
    std::int64_t wall_us;
  };

  Worker(const WorkerOptions& options, Cache& cache, const base::Published<PolicySnapshot>& policies,
         storage::QueryEventRing* events, storage::CacheExportRing* exports = nullptr,
         ClientNames* names = nullptr);
  ~Worker();
  Worker(const Worker&) = delete;

  // From control/.
  void start();
  /// Runs `task` on the worker's thread.
  void post(std::function<void()> task);
  /// Takes over listeners; worker thread, or before start().
  void add_listener(ListenPair sockets);
  void remove_listener(const base::IpEndpoint& address);
  /// Takes a query from inside the process through the whole path. Any thread; `reply` is called exactly once.
  /// `client_id`: the name by which the client introduced itself; empty: it is known by its address.
  void resolve_local(std::vector<std::uint8_t> message, const base::IpAddress& client, Protocol protocol,
                     LocalReply reply, std::string client_id = {});
  /// Asks the upstreams of the default group on our own behalf: no policy, no cache, no log. Any thread; `done` is
  /// called once on the worker's thread, unless the worker stops before.
  void look_up(const dns::Name& name, dns::RrType type, std::function<void(const ForwardResult&)> done);
  /// Stops accepting and reading. Poll pending() until it is 0, then stop().
  void drain();
  void stop();
  [[nodiscard]] std::size_t pending() const noexcept { return pending_now_.load(std::memory_order_relaxed); }
  [[nodiscard]] const WorkerCounters& counters_view() const noexcept { return *counters_; }
  [[nodiscard]] const ForwarderCounters& forwarder_counters() const noexcept { return *forwarder_counters_; }

  // Worker thread: for listeners.
  [[nodiscard]] boost::asio::io_context& io() noexcept { return io_; }
  [[nodiscard]] Pipeline& pipeline() noexcept { return pipeline_; }
  [[nodiscard]] WorkerCounters& counters() noexcept { return *counters_; }
  [[nodiscard]] Forwarder& forwarder() noexcept { return forwarder_; }
  [[nodiscard]] const StreamLimits& stream_limits() const noexcept { return options_.stream; }
  [[nodiscard]] ConnectionCensus& connection_census() noexcept { return *connections_; }

  /// Adopts a newer policy if there is one, and reads the clocks.
  Batch begin_batch();
  /// Sends the query to an upstream; false when no slot is left, and nothing was kept.
  bool forward(const QueryContext& context, const Batch& batch, UdpListener& listener, const UdpReturnPath& path);
  bool forward(const QueryContext& context, const Batch& batch, std::shared_ptr<StreamConnection> stream);
  /// Counts, logs and prefetches what a batch answered in place.
  void end_batch(const Batch& batch, std::span<QueryContext> contexts, std::span<const Disposition> dispositions,
                 std::span<std::array<std::uint8_t, UdpListener::kResponseBytes>> responses,
                 std::span<const std::size_t> lengths, std::size_t count);
  void note(const QueryContext& context, const Batch& batch, base::ByteView response);

 private:
  /// Null, and counted: no slot is left, or none for this client.
  PendingQuery* take_pending(const QueryContext& context, const Batch& batch);
  void ask(PendingQuery& pending, base::Instant now);
  void prefetch(const QueryContext& context, const Batch& batch);
  void resolve_local_now(const std::vector<std::uint8_t>& message, const base::IpAddress& client, Protocol protocol,
                         LocalReply reply, const std::string& client_id);
  void wake_look_ups();
  void finish(PendingQuery& pending, const ForwardResult& result) noexcept;
  friend struct PendingQuery;
  void on_client_timeout(PendingQuery& pending, base::Instant now) noexcept;
  [[nodiscard]] base::MutableBytes room_for(const PendingQuery& pending) noexcept;
  void deliver(PendingQuery& pending, base::ByteView response, base::Instant now) noexcept;
  void forget_receiver(PendingQuery& pending) noexcept;
  void release(PendingQuery& pending) noexcept;

  const WorkerOptions options_;
  const std::shared_ptr<ConnectionCensus> connections_;
  /// Its sockets and timers are this thread's alone, so their operations take no locks; posting to it does.
  boost::asio::io_context io_{kOwnThreadOnly};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> keep_running_;
  std::unique_ptr<WorkerCounters> counters_;
  std::unique_ptr<ForwarderCounters> forwarder_counters_;
  base::Published<PolicySnapshot>::Reader policy_;
  ClientNames* names_;          ///< null: no names are learned
  ClientNameDesk* name_desk_;
  Pipeline pipeline_;
  DeadlineTimer timer_;
  PendingPool pool_;
  ClientShares shares_;  ///< of pool_
  Forwarder forwarder_;
  std::atomic<std::size_t> pending_now_{0};
  std::vector<std::uint8_t> response_;  ///< for answers that come back from upstreams, one at a time
  std::vector<std::unique_ptr<UdpListener>> udp_;
  std::vector<std::unique_ptr<StreamListener>> streams_;
  std::vector<std::unique_ptr<UdpListener>> retired_;  ///< removed; open while queries in flight answer through them
  std::thread thread_;
};

}  // namespace rampart::resolver
