#include "control/http_server.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstring>
#include <future>
#include <utility>

#include "base/background_thread.h"
#include "base/log.h"
#include "control/http_connection.h"

namespace rampart::control {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
/// After a failed accept (no file descriptor left): long enough not to spin, short enough not to be noticed.
constexpr std::chrono::milliseconds kAcceptPause{100};
constexpr std::chrono::milliseconds kStopPoll{5};
/// One look at the clock for all connections, however many: limits of seconds may be this much late.
constexpr std::chrono::milliseconds kClockPeriod{50};
/// A worker that wakes comes first; beyond that nearly a full share, since DoH passes here.
constexpr int kNice = 1;

std::string lower_first(std::string text) {
  if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') text[0] = static_cast<char>(text[0] + 32);
  return text;
}

base::IpEndpoint endpoint_of(const tcp::endpoint& endpoint) { return base::IpEndpoint::from_sockaddr(*endpoint.data()); }

}  // namespace

struct HttpServer::Listener {
  Listener(asio::io_context& io, HttpListenerOptions o) : options(std::move(o)), acceptor(io) {}
  HttpListenerOptions options;
  tcp::acceptor acceptor;
};

HttpServer::HttpServer(HttpServerOptions options, Handler handler)
    : handler_(std::move(handler)), options_(std::move(options)) {}

base::Result<std::unique_ptr<HttpServer>, std::string> HttpServer::start(HttpServerOptions options, Handler handler) {
  auto server = std::unique_ptr<HttpServer>(new HttpServer(options, std::move(handler)));
  server->mailbox_->io = &server->io_;
  if (const auto adopted = server->adopt_on_thread(std::move(options)); !adopted) return base::Error{adopted.error()};
  asio::co_spawn(server->io_, server->watch_certificate(), asio::detached);
  server->thread_ = std::thread([io = &server->io_] {
    base::name_thread("http");
    base::give_way_to_workers(kNice);
    const auto work = asio::make_work_guard(*io);
    for (;;) {
      try {
        io->run();
        return;
      } catch (const std::exception& e) {  // of one connection; the others go on
        base::log::error("http", std::string("connection ended by an error: ") + e.what());
      }
    }
  });
  return server;
}

HttpServer::~HttpServer() { stop(std::chrono::milliseconds(0)); }

base::Result<std::shared_ptr<HttpServer::Listener>, std::string> HttpServer::open(const HttpListenerOptions& options,
                                                                             bool has_certificate) {
  const auto fail = [&](const std::string& what) {
    return base::Error{"cannot listen on " + options.address.to_string() + ": " + lower_first(what)};
  };
  if (options.tls && !has_certificate) return fail("no certificate");
  auto listener = std::make_shared<Listener>(io_, options);
  sockaddr_storage address{};
  const bool both_families = options.address.address == base::IpAddress();
  const socklen_t length = options.address.to_sockaddr(address);
  tcp::endpoint endpoint;
  endpoint.resize(length);
  std::memcpy(endpoint.data(), &address, length);
  boost::system::error_code error;
  auto& acceptor = listener->acceptor;
  acceptor.open(endpoint.protocol(), error);
  if (error && both_families) {  // a host without IPv6
    endpoint = tcp::endpoint(tcp::v4(), options.address.port);
    acceptor.open(endpoint.protocol(), error);
  }
  if (error) return fail(error.message());
  const int fd = acceptor.native_handle();
  const int on = 1, off = 0;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
  if (endpoint.protocol() == tcp::v6()) {
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, both_families ? &off : &on, sizeof(on));
    if (options.free_bind) setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &on, sizeof(on));
  } else if (options.free_bind) {
    setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof(on));
  }
  acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return fail(error.message());
  return listener;
}

base::Status HttpServer::adopt_on_thread(HttpServerOptions options) {
  std::vector<std::shared_ptr<Listener>> next, fresh;
  for (const auto& wanted : options.listeners) {
    const auto kept = std::find_if(listeners_.begin(), listeners_.end(), [&](const auto& old) {
      return old->options.address == wanted.address &&
             std::find(next.begin(), next.end(), old) == next.end();
    });
    if (kept != listeners_.end()) {
      next.push_back(*kept);
      continue;
    }
    auto opened = open(wanted, options.tls != nullptr);
    if (!opened) return base::Error{opened.error()};  // `fresh` closes with its last owner; nothing has changed
    next.push_back(*opened);
    fresh.push_back(*opened);
  }
  for (std::size_t i = 0; i < next.size(); ++i) next[i]->options = options.listeners[i];
  for (const auto& old : listeners_) {
    if (std::find(next.begin(), next.end(), old) == next.end()) {
      boost::system::error_code ignored;
      old->acceptor.close(ignored);
    }
  }
  listeners_ = std::move(next);
  options_ = std::move(options);
  {
    const std::lock_guard lock(addresses_mutex_);
    addresses_.clear();
    for (const auto& l : listeners_) addresses_.push_back(endpoint_of(l->acceptor.local_endpoint()));
  }
  for (const auto& l : fresh) asio::co_spawn(io_, accept_all(l), asio::detached);
  return base::Done{};
}

base::Status HttpServer::adopt(HttpServerOptions options) {
  std::promise<base::Status> done;
  auto result = done.get_future();
  asio::post(io_, [&] { done.set_value(adopt_on_thread(std::move(options))); });
  return result.get();
}

std::vector<base::IpEndpoint> HttpServer::addresses() const {
  const std::lock_guard lock(addresses_mutex_);
  return addresses_;
}

bool HttpServer::make_room() {
  if (connection_count_.load() < options_.limits.connections) return true;
  if (idle_.empty()) return false;
  // Whoever has waited longest without a whole request goes: slow or idle clients cannot lock out the others.
  HttpConnection* longest = idle_.front();
  idle_.pop_front();
  longest->leave_idle();
  longest->close();
  counters_.evicted.add();
  return true;
}

asio::awaitable<void> HttpServer::accept_all(std::shared_ptr<Listener> listener) {
  asio::steady_timer pause(io_);
  while (listener->acceptor.is_open()) {
    auto [error, socket] = co_await listener->acceptor.async_accept(kAwait);
    if (!listener->acceptor.is_open()) co_return;
    if (error) {
      counters_.accept_errors.add();
      make_room();
      pause.expires_after(kAcceptPause);
      co_await pause.async_wait(kAwait);
      continue;
    }
    counters_.accepted.add();
    if (!make_room()) {
      counters_.refused.add();
      continue;  // the socket closes here
    }
    boost::system::error_code gone;
    const auto peer = socket.remote_endpoint(gone);
    if (gone) continue;
    socket.set_option(tcp::no_delay(true), gone);
    auto connection = std::make_shared<HttpConnection>(*this, std::move(socket), listener->options,
                                                       endpoint_of(peer).address);
    asio::co_spawn(io_, HttpConnection::run(std::move(connection)), asio::detached);
    if (!std::exchange(is_watching_clock_, true)) asio::co_spawn(io_, watch_clock(), asio::detached);
  }
}

asio::awaitable<void> HttpServer::watch_clock() {
  asio::steady_timer timer(io_);
  while (connection_count_.load() > 0) {
    timer.expires_after(kClockPeriod);
    co_await timer.async_wait(kAwait);
    wheel_.advance(base::monotonic_now(), HttpConnection::on_due);
  }
  is_watching_clock_ = false;
}

asio::awaitable<void> HttpServer::watch_certificate() {
  asio::steady_timer timer(io_);
  for (;;) {
    timer.expires_after(options_.limits.certificate_check);
    co_await timer.async_wait(kAwait);
    if (!options_.tls) continue;
    const auto reloaded = options_.tls->reload_if_changed();
    if (!reloaded) {
      base::log::warn("http", "certificate not renewed, the old one stays: " + reloaded.error());
    } else if (*reloaded) {
      base::log::info("http", "new certificate in use");
    }
  }
}

void HttpServer::stop(std::chrono::milliseconds patience) {
  if (!thread_.joinable()) return;
  asio::post(io_, [this] {
    stopping_ = true;
    boost::system::error_code ignored;
    for (const auto& l : listeners_) l->acceptor.close(ignored);
    for (HttpConnection* connection : idle_) connection->close();
  });
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (connection_count_.load() > 0 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(kStopPoll);
  }
  {
    const std::lock_guard lock(mailbox_->mutex);
    mailbox_->io = nullptr;
  }
  io_.stop();
  thread_.join();
}

}  // namespace rampart::control
