// HTTP/1.1 on its own thread with its own event loop: however many or slow its clients are, they cost the query path
// nothing. It owns sockets, time limits and sizes, and knows no route: each complete request goes to a handler, which
// replies when it can, from any thread. Every bound below has its counter.
#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/counter.h"
#include "base/ip_address.h"
#include "base/result.h"
#include "base/timing_wheel.h"
#include "control/http_access.h"
#include "control/http_message.h"
#include "control/tls_identity.h"

namespace rampart::control {

struct HttpListenerOptions {
  base::IpEndpoint address;     ///< `::` listens on both families; port 0 for any free one
  bool tls = false;
  bool proxy_protocol = false;  ///< a PROXY header is required in front of each connection
  bool free_bind = false;       ///< bind to an address that this host does not have (yet)
  bool serves_api = true;
  bool serves_doh = true;
  friend bool operator==(const HttpListenerOptions&, const HttpListenerOptions&) = default;
};

struct HttpLimits {
  /// Enough for dashboards and probes of a network; each may hold a header and a body of the sizes below.
  std::size_t connections = 1024;
  std::size_t header_bytes = 16 * 1024;
  /// A DNS message of 65,535 octets fits; no API body is near it.
  std::size_t body_bytes = 66 * 1024;
  /// From the first octet (or the connection) to the end of the header: cuts off those who send a byte a second.
  std::chrono::milliseconds header_time{10'000};
  std::chrono::milliseconds body_time{10'000};
  std::chrono::milliseconds idle_time{60'000};   ///< between two requests of a connection
  std::chrono::milliseconds write_time{30'000};  ///< for a whole response
  std::chrono::milliseconds reply_time{15 * 60'000};  ///< a list refresh may take minutes
  std::chrono::milliseconds certificate_check{5'000};  ///< between looks at the certificate files
};

struct HttpServerOptions {
  std::vector<HttpListenerOptions> listeners;
  HttpLimits limits;
  std::shared_ptr<TlsIdentity> tls;  ///< needed by listeners with `tls`
  ApiAccessOptions access;           ///< whose forwarding headers are believed
};

struct HttpServerCounters {
  base::SharedCounter accepted, requests;
  base::SharedCounter evicted;           ///< idle connections closed in favour of new ones at HttpLimits::connections
  base::SharedCounter refused;           ///< at that limit, and every connection was busy
  base::SharedCounter header_timeouts, body_timeouts, write_timeouts, reply_timeouts;
  base::SharedCounter pauses;            ///< before reading on from clients that send a few octets at a time
  base::SharedCounter too_large;         ///< header (431) or body (413)
  base::SharedCounter malformed;         ///< 400
  base::SharedCounter proxy_errors, tls_errors, accept_errors;
};

class HttpConnection;

class HttpServer {
 public:
  /// Runs on the HTTP thread and must not block there; the reply may come from any thread, exactly once.
  using Handler = std::function<void(HttpRequest, HttpReply)>;

  /// Opens all listeners, or none: "cannot listen on 192.0.2.1:4000: address already in use".
  static base::Result<std::unique_ptr<HttpServer>, std::string> start(HttpServerOptions options, Handler handler);
  /// As stop() with no patience.
  ~HttpServer();

  /// Takes over new options. Listeners whose address stays are not touched, connections go on; if a new one cannot
  /// be opened, the old options stay in force.
  [[nodiscard]] base::Status adopt(HttpServerOptions options);
  /// Accepts nothing more, closes idle connections, gives running requests `patience` to end.
  void stop(std::chrono::milliseconds patience);

  [[nodiscard]] std::vector<base::IpEndpoint> addresses() const;  ///< with the real ports, in the options' order
  [[nodiscard]] const HttpServerCounters& counters() const noexcept { return counters_; }
  [[nodiscard]] std::size_t connection_count() const noexcept { return connection_count_.load(); }

 private:
  friend class HttpConnection;
  struct Listener;

  /// The way back from any thread to the HTTP thread, also when the server is gone by then.
  struct Mailbox {
    std::mutex mutex;
    boost::asio::io_context* io = nullptr;
  };

  explicit HttpServer(HttpServerOptions options, Handler handler);
  base::Result<std::shared_ptr<Listener>, std::string> open(const HttpListenerOptions& options,
                                                            bool has_certificate);
  base::Status adopt_on_thread(HttpServerOptions options);
  boost::asio::awaitable<void> accept_all(std::shared_ptr<Listener> listener);
  boost::asio::awaitable<void> watch_certificate();
  boost::asio::awaitable<void> watch_clock();
  bool make_room();

  // Constant after construction.
  Handler handler_;
  std::shared_ptr<Mailbox> mailbox_ = std::make_shared<Mailbox>();

  // Shared.
  HttpServerCounters counters_;
  std::atomic<std::size_t> connection_count_{0};
  mutable std::mutex addresses_mutex_;
  std::vector<base::IpEndpoint> addresses_;

  // HTTP thread only.
  HttpServerOptions options_;
  bool stopping_ = false;
  std::list<HttpConnection*> idle_;  ///< waiting for a request, longest first
  base::TimingWheel wheel_{base::monotonic_now()};  ///< the time limits of all connections
  bool is_watching_clock_ = false;                  ///< while there is one

  boost::asio::io_context io_{1};
  std::vector<std::shared_ptr<Listener>> listeners_;
  std::thread thread_;
};

}  // namespace rampart::control
