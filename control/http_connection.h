// One HTTP connection: PROXY header and TLS where configured, then requests one after the other. A coroutine on the
// HTTP thread; it ends with the connection. Time limits lie in the server's timing wheel. Private to http_server.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <list>
#include <memory>
#include <optional>

#include "base/timing_wheel.h"
#include "control/http_server.h"

namespace rampart::control {

class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  HttpConnection(HttpServer& server, boost::asio::ip::tcp::socket socket, HttpListenerOptions listener,
                 base::IpAddress peer);
  ~HttpConnection();

  /// The coroutine owns the connection.
  static boost::asio::awaitable<void> run(std::shared_ptr<HttpConnection> self);
  /// Ends it at once; its coroutine finds the socket closed.
  void close();
  /// A deadline of this connection has come: the end of its time, or of a pause. For the server's wheel.
  static void on_due(base::TimerEntry& entry);
  /// The server has taken it out of its idle list.
  void leave_idle() { idle_place_.reset(); }

 private:
  struct Due : base::TimerEntry {
    Due(HttpConnection& of, bool ends) : connection(of), ends_pause(ends) {}
    HttpConnection& connection;
    const bool ends_pause;
  };
  /// What became of reading one request.
  enum class Read : std::uint8_t { kRequest, kRefused, kClosed };
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;

  boost::asio::awaitable<void> talk();
  [[nodiscard]] bool is_trusted_proxy() const;
  boost::asio::awaitable<bool> read_proxy_header();
  void expires_after(std::chrono::milliseconds time);
  void expires_never();
  boost::asio::awaitable<void> pause();
  template <class Stream>
  boost::asio::awaitable<void> serve(Stream& stream);
  template <class Stream>
  boost::asio::awaitable<Read> read_request(Stream& stream, HttpRequest& request, bool is_first);
  /// Reads on until `is_enough()`. Who sends next to nothing at a time is read seldom: see pause().
  template <class Stream, class IsEnough>
  boost::asio::awaitable<boost::system::error_code> read_until(Stream& stream, Parser& parser, IsEnough is_enough);
  template <class Stream>
  boost::asio::awaitable<bool> write(Stream& stream, const HttpRequest& request, const HttpResponse& response);
  template <class Stream>
  boost::asio::awaitable<void> linger(Stream& stream);
  boost::asio::awaitable<HttpResponse> ask(HttpRequest request);
  void become_idle();
  void become_busy();

  HttpServer& server_;
  const HttpListenerOptions listener_;
  const base::IpAddress socket_peer_;
  base::IpAddress peer_;
  boost::asio::ip::tcp::socket tcp_;
  boost::beast::flat_buffer buffer_;
  bool keep_alive_ = true;
  bool timed_out_ = false;
  Due time_limit_{*this, false}, pause_end_{*this, true};
  HttpResponse refusal_;  ///< for Read::kRefused

  // The reply that is being waited for. Between two reads the timer only keeps the coroutine waiting.
  boost::asio::steady_timer reply_timer_;
  std::optional<HttpResponse> reply_;
  std::uint64_t request_number_ = 0;

  std::optional<std::list<HttpConnection*>::iterator> idle_place_;
};

}  // namespace rampart::control
