// Learns the names of clients by reverse look-ups (PTR) at the one server that `clientLookup.upstream` names, in a
// thread of its own, so that nothing about it can be felt by a query: a worker leaves the address of a client it does
// not know in a ring, goes on with what the address alone says, and finds the names in the next table published.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "base/snapshot.h"
#include "resolver/cares_channel.h"
#include "resolver/client_name_store.h"
#include "resolver/deadline_timer.h"
#include "resolver/upstream_set.h"

namespace rampart::resolver {

struct ClientNamesOptions {
  std::optional<UpstreamSpec> server;  ///< classic DNS; its host name is looked up by `bootstrap`. Null: no look-ups
  BootstrapOptions bootstrap;
  std::vector<std::uint32_t> single_name_order;
  friend bool operator==(const ClientNamesOptions&, const ClientNamesOptions&) = default;
};

/// Owned by the server; built before and destroyed after the workers. configure() and stop(): one thread at a time.
class ClientNames {
 public:
  /// Between two wake-ups by workers, and between two tables: a flood of new clients costs at most so many of each.
  static constexpr auto kWakePause = std::chrono::milliseconds(10);
  static constexpr auto kPublishPause = std::chrono::milliseconds(20);
  /// Before the host name of the server is looked up again.
  static constexpr auto kServerPause = std::chrono::seconds(30);

  explicit ClientNames(std::size_t workers, const ClientNameLimits& limits = {});
  ~ClientNames();
  ClientNames(const ClientNames&) = delete;
  ClientNames& operator=(const ClientNames&) = delete;

  /// Another server or order forgets all names; the same options change nothing.
  void configure(const ClientNamesOptions& options);
  void stop();

  [[nodiscard]] ClientNameDesk& desk(std::size_t worker) noexcept { return *desks_[worker]; }
  /// After a desk says take_asked(). Any thread; one system call at most every kWakePause, none otherwise.
  void wake();

  [[nodiscard]] const ClientNameCounters& counters() const noexcept { return store_.counters(); }
  [[nodiscard]] std::uint64_t requests_refused() const noexcept;  ///< by full rings

 private:
  void adopt(const ClientNamesOptions& options);
  void find_server();
  void watch_server();
  void open_channel(std::vector<base::IpEndpoint> servers);
  void on_wake();
  void drain();
  void pump();
  void publish();

  base::Published<ClientNameTable> published_;
  std::vector<std::unique_ptr<ClientNameDesk>> desks_;
  std::atomic<bool> is_woken_{false};
  ClientNamesOptions configured_;  ///< of who calls configure()

  // Of the look-up thread.
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> keep_running_{io_.get_executor()};
  DeadlineTimer deadlines_{io_};
  boost::asio::steady_timer wake_timer_{io_};
  boost::asio::steady_timer publish_timer_{io_};
  boost::asio::steady_timer server_timer_{io_};
  bool is_publish_due_ = false;
  base::Instant published_at_{};
  ClientNamesOptions options_;
  std::uint64_t generation_ = 0;            ///< of options_
  std::vector<base::IpEndpoint> servers_;   ///< of channel_
  ClientNameStore store_;
  std::unique_ptr<CaresChannel> bootstrap_;  ///< while the server's host name is looked up
  std::unique_ptr<CaresChannel> channel_;    ///< null: there is nobody to ask (yet)
  std::thread thread_;
};

}  // namespace rampart::resolver
