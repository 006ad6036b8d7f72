// One HTTP connection: PROXY header and TLS where configured, then requests one after the other. A coroutine on the
// HTTP thread; it ends with the connection. Private to http_server.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <list>
#include <memory>
#include <optional>

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
  /// The server has taken it out of its idle list.
  void leave_idle() { idle_place_.reset(); }

 private:
  /// What became of reading one request.
  enum class Read : std::uint8_t { kRequest, kRefused, kClosed };

  boost::asio::awaitable<void> talk();
  [[nodiscard]] bool is_trusted_proxy() const;
  boost::asio::awaitable<bool> read_proxy_header();
  template <class Stream>
  boost::asio::awaitable<void> serve(Stream& stream);
  template <class Stream>
  boost::asio::awaitable<Read> read_request(Stream& stream, HttpRequest& request, bool is_first);
  template <class Stream>
  boost::asio::awaitable<bool> write(Stream& stream, const HttpRequest& request, const HttpResponse& response);
  template <class Stream>
  boost::asio::awaitable<void> linger(Stream& stream);
  boost::asio::awaitable<HttpResponse> ask(HttpRequest request);
  void become_idle();
  void become_busy();

  HttpServer& server_;
  const HttpListenerOptions listener_;
  base::IpAddress peer_;
  boost::beast::tcp_stream tcp_;
  boost::beast::flat_buffer buffer_;
  bool keep_alive_ = true;
  HttpResponse refusal_;  ///< for Read::kRefused

  // The reply that is being waited for.
  boost::asio::steady_timer reply_timer_;
  std::optional<HttpResponse> reply_;
  std::uint64_t request_number_ = 0;

  std::optional<std::list<HttpConnection*>::iterator> idle_place_;
};

}  // namespace rampart::control
