#include "control/api_client.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <charconv>

namespace rampart::control {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using Outcome = base::Result<ApiResponse, std::string>;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
/// Far above any body of ours (metrics of some thousand series).
constexpr std::uint64_t kBodyBytesMax = 64u << 20;

std::string authority(const ApiAddress& address) {
  const bool bracketed = address.host.find(':') != std::string::npos;
  return (bracketed ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

/// The optional is only there because a coroutine's result must be default constructible.
asio::awaitable<std::optional<Outcome>> exchange(const ApiAddress& address, http::request<http::string_body>& request,
                                  std::chrono::milliseconds deadline) {
  const auto executor = co_await asio::this_coro::executor;
  const auto fail = [&](const char* doing, const beast::error_code& error) {
    return Outcome(base::Error{std::string(doing) + " " + authority(address) + ": " + error.message()});
  };
  asio::ip::tcp::resolver resolver(executor);
  auto [lookup_error, places] = co_await resolver.async_resolve(address.host, std::to_string(address.port), kAwait);
  if (lookup_error) co_return fail("cannot look up", lookup_error);
  beast::tcp_stream stream(executor);
  stream.expires_after(deadline);
  const auto [connect_error, place] = co_await stream.async_connect(places, kAwait);
  if (connect_error) co_return fail("cannot connect to", connect_error);
  const auto [write_error, written] = co_await http::async_write(stream, request, kAwait);
  if (write_error) co_return fail("cannot send to", write_error);
  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(kBodyBytesMax);
  if (request.method() == http::verb::head) parser.skip(true);
  const auto [read_error, read] = co_await http::async_read(stream, buffer, parser, kAwait);
  if (read_error) co_return fail("no answer from", read_error);
  auto message = parser.release();
  ApiResponse out;
  out.status = message.result_int();
  const auto reason = message.reason();
  out.reason = std::to_string(out.status) + " " + std::string(reason.data(), reason.size());
  out.body = std::move(message.body());
  co_return Outcome(std::move(out));
}

}  // namespace

std::optional<ApiAddress> ApiAddress::parse(std::string_view text) {
  constexpr std::string_view kScheme = "http://";
  if (text.substr(0, kScheme.size()) == kScheme) text.remove_prefix(kScheme.size());
  if (!text.empty() && text.back() == '/') text.remove_suffix(1);
  ApiAddress out;
  std::string_view port;
  if (!text.empty() && text.front() == '[') {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    out.host = text.substr(1, close - 1);
    port = text.substr(close + 1);
    if (!port.empty() && port.front() != ':') return std::nullopt;
    if (!port.empty()) port.remove_prefix(1);
  } else {
    const std::size_t colon = text.find(':');
    out.host = text.substr(0, colon);
    if (colon != std::string_view::npos) port = text.substr(colon + 1);
  }
  if (out.host.empty() || out.host.find('/') != std::string::npos) return std::nullopt;
  if (!port.empty()) {
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), out.port);
    if (error != std::errc() || end != port.data() + port.size() || out.port == 0) return std::nullopt;
  }
  return out;
}

Outcome call_api(const ApiAddress& address, std::string_view method, std::string_view target, std::string_view body,
                 std::chrono::milliseconds deadline) {
  http::request<http::string_body> request;
  request.version(11);
  request.method_string(method);
  request.target(target);
  request.set(http::field::host, authority(address));
  request.set(http::field::connection, "close");
  if (!address.token.empty()) request.set(http::field::authorization, "Bearer " + address.token);
  if (method == "POST") {
    request.set(http::field::content_type, "application/json");
    request.body() = body;
    request.content_length(body.size());
  }
  asio::io_context io{1};
  std::optional<Outcome> outcome;
  asio::co_spawn(io, exchange(address, request, deadline), [&](std::exception_ptr thrown, std::optional<Outcome> result) {
    if (!thrown) outcome = std::move(result);
  });
  io.run_for(deadline + std::chrono::seconds(1));
  if (!outcome) return base::Error{"no answer from " + authority(address) + " in time"};
  return *std::move(outcome);
}

}  // namespace rampart::control
