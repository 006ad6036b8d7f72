#include "control/http_connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/http/error.hpp>

#include "base/proxy_protocol.h"
#include "control/http_headers.h"

namespace rampart::control {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kReadBytes = 4096;
/// How long and how much we read on after an error response, so that it is not lost to a TCP reset.
constexpr std::chrono::seconds kLingerTime{1};
constexpr std::size_t kLingerBytes = 256 * 1024;
constexpr std::chrono::seconds kTlsShutdownTime{1};
/// A request usually comes in one piece, seldom in a few. Who has sent this many pieces below kCrumbBytes is slow
/// by intention or by a bad line.
constexpr unsigned kCrumbsMax = 4;
constexpr int kCrumbBytes = 64;
/// Between two looks at such a sender. Different for each, lest all be read at once.
constexpr unsigned kPauseMs = 1000, kPauseSpreadMs = 1000;

/// Where a request with a Transfer-Encoding ends is known to those who understand it. The parser takes all but
/// `chunked` for no body at all (RFC 9112 6.1, 6.3). HTTP/1.0 has none.
bool has_unknown_framing(const http::request<http::string_body>& header) {
  const auto [first, end] = header.equal_range(http::field::transfer_encoding);
  if (first == end) return false;
  const bool is_chunked = std::next(first) == end && beast::iequals(first->value(), "chunked");
  return !is_chunked || header.version() < 11;
}

}  // namespace

HttpConnection::HttpConnection(HttpServer& server, asio::ip::tcp::socket socket, HttpListenerOptions listener,
                               base::IpAddress peer)
    : server_(server), listener_(std::move(listener)), socket_peer_(peer), peer_(peer), tcp_(std::move(socket)),
      buffer_(server.options_.limits.header_bytes + server.options_.limits.body_bytes + kReadBytes),
      reply_timer_(server.io_) {
  ++server_.connection_count_;
}

HttpConnection::~HttpConnection() {
  become_busy();
  --server_.connection_count_;
}

void HttpConnection::close() {
  beast::error_code ignored;
  tcp_.close(ignored);
  reply_timer_.cancel();
}

void HttpConnection::on_due(base::TimerEntry& entry) {
  const Due& due = static_cast<Due&>(entry);
  if (due.ends_pause) {
    due.connection.reply_timer_.cancel();
    return;
  }
  due.connection.timed_out_ = true;
  due.connection.close();
}

void HttpConnection::expires_after(std::chrono::milliseconds time) {
  server_.wheel_.arm(time_limit_, base::monotonic_now() + time);
}

void HttpConnection::expires_never() { server_.wheel_.cancel(time_limit_); }

/// Lets octets gather. The kernel wakes nobody for a few of them either, so that a hundred such clients cost a few
/// wake-ups of this thread each second, in which it reads some at a time, and not one for each octet.
asio::awaitable<void> HttpConnection::pause() {
  server_.counters_.pauses.add();
  const auto wake_from = [this](int bytes) {
    setsockopt(tcp_.native_handle(), SOL_SOCKET, SO_RCVLOWAT, &bytes, sizeof bytes);
  };
  wake_from(kCrumbBytes);
  const auto spread = static_cast<unsigned>(tcp_.native_handle()) * 37 % kPauseSpreadMs;
  server_.wheel_.arm(pause_end_, base::monotonic_now() + std::chrono::milliseconds(kPauseMs + spread));
  reply_timer_.expires_at(std::chrono::steady_clock::time_point::max());
  co_await reply_timer_.async_wait(kAwait);
  if (tcp_.is_open()) wake_from(1);
}

void HttpConnection::become_idle() {
  if (!idle_place_) idle_place_ = server_.idle_.insert(server_.idle_.end(), this);
}

void HttpConnection::become_busy() {
  if (!idle_place_) return;
  server_.idle_.erase(*idle_place_);
  idle_place_.reset();
}

asio::awaitable<void> HttpConnection::run(std::shared_ptr<HttpConnection> self) {
  co_await self->talk();
}

asio::awaitable<void> HttpConnection::talk() {
  become_idle();
  expires_after(server_.options_.limits.header_time);
  if (listener_.proxy_protocol && !(is_trusted_proxy() && co_await read_proxy_header())) {
    server_.counters_.proxy_errors.add();
    co_return;
  }
  if (!listener_.tls) {
    co_await serve(tcp_);
    co_return;
  }
  const auto identity = server_.options_.tls;
  if (identity == nullptr) co_return;  // the listener was taken away while this connection was accepted
  const auto context = identity->context();
  asio::ssl::stream<asio::ip::tcp::socket&> tls(tcp_, *context);
  const auto [error, used] = co_await tls.async_handshake(asio::ssl::stream_base::server, buffer_.data(), kAwait);
  buffer_.consume(used);
  if (error) {
    server_.counters_.tls_errors.add();
    co_return;
  }
  co_await serve(tls);
  if (tcp_.is_open()) {
    expires_after(kTlsShutdownTime);
    co_await tls.async_shutdown(kAwait);
  }
}

// Without `trustedProxies`, all who reach such a listener are.
bool HttpConnection::is_trusted_proxy() const {
  const auto& trusted = server_.options_.access.trusted_proxies;
  return trusted.empty() || std::any_of(trusted.begin(), trusted.end(), [this](const auto& r) { return r.contains(peer_); });
}

asio::awaitable<bool> HttpConnection::read_proxy_header() {
  for (;;) {
    const auto [error, n] = co_await tcp_.async_read_some(buffer_.prepare(kReadBytes), kAwait);
    if (error) co_return false;
    buffer_.commit(n);
    const auto data = buffer_.data();
    const auto header = base::parse_proxy_header({static_cast<const std::uint8_t*>(data.data()), data.size()});
    if (header.state == base::ProxyParse::kInvalid) co_return false;
    if (header.state == base::ProxyParse::kNeedMore) continue;
    buffer_.consume(header.length);
    if (header.source) peer_ = header.source->address;
    co_return true;
  }
}

template <class Stream>
asio::awaitable<void> HttpConnection::serve(Stream& stream) {
  for (bool is_first = true;; is_first = false) {
    become_idle();
    HttpRequest request;
    const Read read = co_await read_request(stream, request, is_first);
    become_busy();
    if (read == Read::kClosed) co_return;
    if (read == Read::kRefused) {
      keep_alive_ = false;
      if (co_await write(stream, request, refusal_)) co_await linger(stream);
      co_return;
    }
    server_.counters_.requests.add();
    HttpResponse response;
    if (auto preflight = preflight_response(request)) {
      response = *std::move(preflight);
    } else {
      std::string body = std::move(request.body);
      HttpRequest copy = request;  // the response still needs method and headers
      copy.body = std::move(body);
      response = co_await ask(std::move(copy));
    }
    if (!tcp_.is_open()) co_return;
    add_common_headers(request, response);
    if (server_.stopping_) keep_alive_ = false;
    if (!co_await write(stream, request, response) || !keep_alive_) co_return;
  }
}

template <class Stream, class IsEnough>
asio::awaitable<beast::error_code> HttpConnection::read_until(Stream& stream, Parser& parser, IsEnough is_enough) {
  unsigned crumbs = 0;
  while (!is_enough()) {
    beast::error_code error = http::error::need_more;
    if (buffer_.size() > 0) buffer_.consume(parser.put(buffer_.data(), error));
    if (error != http::error::need_more) {
      if (error) co_return error;
      continue;
    }
    const std::size_t room = buffer_.max_size() - buffer_.size();
    if (room == 0) co_return http::error::buffer_overflow;
    if (crumbs >= kCrumbsMax) co_await pause();
    const auto [failed, n] = co_await stream.async_read_some(buffer_.prepare(std::min(room, kReadBytes)), kAwait);
    if (failed == asio::error::eof) {
      if (!parser.got_some()) co_return http::error::end_of_stream;
      parser.put_eof(error = {});
      co_return error ? error : beast::error_code(http::error::partial_message);
    }
    if (failed) co_return failed;
    buffer_.commit(n);
    // After a pause there may be more at once; it is still the same sender.
    if (n < kCrumbBytes) ++crumbs;
  }
  co_return beast::error_code();
}

template <class Stream>
asio::awaitable<HttpConnection::Read> HttpConnection::read_request(Stream& stream, HttpRequest& request,
                                                                   bool is_first) {
  const HttpLimits& limits = server_.options_.limits;
  if (buffer_.size() == 0) {
    expires_after(is_first ? limits.header_time : limits.idle_time);
    const auto [error, n] = co_await stream.async_read_some(buffer_.prepare(kReadBytes), kAwait);
    if (error) {
      if (is_first && timed_out_) server_.counters_.header_timeouts.add();
      co_return Read::kClosed;
    }
    buffer_.commit(n);
  }
  Parser parser;
  parser.header_limit(static_cast<std::uint32_t>(limits.header_bytes));
  parser.body_limit(limits.body_bytes);
  const auto failed = [&](const beast::error_code& error, base::SharedCounter& timeouts) {
    request.tls = listener_.tls;
    if (timed_out_) {
      timeouts.add();
      return Read::kClosed;
    }
    if (error == http::error::header_limit || error == http::error::buffer_overflow) {
      server_.counters_.too_large.add();
      refusal_ = HttpResponse::text(431, "Request Header Fields Too Large\n");
      return Read::kRefused;
    }
    if (error == http::error::body_limit) {
      server_.counters_.too_large.add();
      refusal_ = HttpResponse::text(413, "Payload Too Large\n");
      return Read::kRefused;
    }
    if (error.category() != http::make_error_code(http::error::bad_value).category() ||
        error == http::error::end_of_stream || error == http::error::partial_message) {
      return Read::kClosed;  // the other side went away
    }
    server_.counters_.malformed.add();
    refusal_ = HttpResponse::text(400, "Bad Request: " + error.message() + "\n");
    return Read::kRefused;
  };

  expires_after(limits.header_time);
  if (const auto error = co_await read_until(stream, parser, [&] { return parser.is_header_done(); })) {
    co_return failed(error, server_.counters_.header_timeouts);
  }
  if (has_unknown_framing(parser.get())) {
    server_.counters_.malformed.add();
    refusal_ = HttpResponse::text(400, "Bad Request: the only transfer encoding here is chunked\n");
    co_return Read::kRefused;
  }
  expires_after(limits.body_time);
  if (beast::iequals(parser.get()[http::field::expect], "100-continue")) {
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    const auto [error, n] = co_await asio::async_write(stream, asio::buffer(kContinue), kAwait);
    if (error) co_return Read::kClosed;
  }
  parser.eager(true);
  if (const auto error = co_await read_until(stream, parser, [&] { return parser.is_done(); })) {
    co_return failed(error, server_.counters_.body_timeouts);
  }
  const auto message = parser.release();
  keep_alive_ = message.keep_alive();
  request.method.assign(message.method_string());
  request.target.assign(message.target());
  for (const auto& field : message) {
    const auto name = field.name_string();
    const auto value = field.value();
    request.headers.emplace_back(std::string(name.data(), name.size()), std::string(value.data(), value.size()));
  }
  request.body = message.body();
  request.socket_peer = socket_peer_;
  request.peer = peer_;
  request.client = client_address(request.headers, peer_, server_.options_.access);
  request.tls = listener_.tls;
  request.serves_api = listener_.serves_api;
  request.serves_doh = listener_.serves_doh;
  co_return Read::kRequest;
}

asio::awaitable<HttpResponse> HttpConnection::ask(HttpRequest request) {
  expires_never();
  reply_.reset();
  const std::uint64_t number = ++request_number_;
  reply_timer_.expires_after(server_.options_.limits.reply_time);
  server_.handler_(std::move(request), [mailbox = server_.mailbox_, weak = weak_from_this(),
                                        number](HttpResponse response) {
    const std::lock_guard lock(mailbox->mutex);
    if (mailbox->io == nullptr) return;
    asio::post(*mailbox->io, [weak, number, response = std::move(response)]() mutable {
      const auto self = weak.lock();
      if (!self || self->request_number_ != number || self->reply_) return;
      self->reply_ = std::move(response);
      self->reply_timer_.cancel();
    });
  });
  // Posted replies run only after this wait has begun: both belong to this thread.
  co_await reply_timer_.async_wait(kAwait);
  ++request_number_;  // a later reply is nobody's
  if (reply_) co_return *std::move(reply_);
  server_.counters_.reply_timeouts.add();
  keep_alive_ = false;
  co_return HttpResponse::text(503, "no answer in time\n");
}

template <class Stream>
asio::awaitable<bool> HttpConnection::write(Stream& stream, const HttpRequest& request, const HttpResponse& response) {
  expires_after(server_.options_.limits.write_time);
  const std::string octets = serialize(response, request.method == "HEAD", keep_alive_);
  const auto [error, n] = co_await asio::async_write(stream, asio::buffer(octets), kAwait);
  if (timed_out_) server_.counters_.write_timeouts.add();
  co_return !error;
}

template <class Stream>
asio::awaitable<void> HttpConnection::linger(Stream& stream) {
  beast::error_code ignored;
  if constexpr (std::is_same_v<Stream, asio::ip::tcp::socket>) tcp_.shutdown(asio::socket_base::shutdown_send, ignored);
  expires_after(kLingerTime);
  buffer_.clear();
  for (std::size_t total = 0; total < kLingerBytes;) {
    const auto [error, n] = co_await stream.async_read_some(buffer_.prepare(kReadBytes), kAwait);
    if (error) co_return;
    total += n;
  }
}

}  // namespace rampart::control
