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
#include <optional>

#include "control/api_trust.h"

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
using Promised = std::optional<Outcome>;

base::Error<std::string> failure(const char* doing, const ApiAddress& address, const std::string& why) {
  return base::Error{std::string(doing) + " " + authority(address) + ": " + why};
}

template <class Stream>
asio::awaitable<Promised> converse(Stream& stream, const ApiAddress& address,
                                   http::request<http::string_body>& request) {
  const auto [write_error, written] = co_await http::async_write(stream, request, kAwait);
  if (write_error) co_return Outcome(failure("cannot send to", address, write_error.message()));
  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(kBodyBytesMax);
  if (request.method() == http::verb::head) parser.skip(true);
  const auto [read_error, read] = co_await http::async_read(stream, buffer, parser, kAwait);
  if (read_error) co_return Outcome(failure("no answer from", address, read_error.message()));
  auto message = parser.release();
  ApiResponse out;
  out.status = message.result_int();
  const auto reason = message.reason();
  out.reason = std::to_string(out.status) + " " + std::string(reason.data(), reason.size());
  out.body = std::move(message.body());
  co_return Outcome(std::move(out));
}

asio::awaitable<Promised> converse_over_tls(beast::tcp_stream& tcp, const ApiAddress& address,
                                            http::request<http::string_body>& request) {
  asio::ssl::context context(asio::ssl::context::tls_client);
  if (const auto ready = prepare_trust(context, address.trust); !ready) co_return Outcome(base::Error{ready.error()});
  ApiTlsStream tls(tcp, context);
  expect_host(tls, address);
  const auto [error] = co_await tls.async_handshake(asio::ssl::stream_base::client, kAwait);
  if (error) co_return Outcome(failure("cannot speak TLS with", address, handshake_fault(tls, error)));
  if (const auto believed = judge_peer(tls, address.trust); !believed) {
    co_return Outcome(failure("cannot trust", address, believed.error()));
  }
  co_return co_await converse(tls, address, request);
}

asio::awaitable<Promised> exchange(const ApiAddress& address, http::request<http::string_body>& request,
                                   std::chrono::milliseconds deadline) {
  const auto executor = co_await asio::this_coro::executor;
  asio::ip::tcp::resolver resolver(executor);
  auto [lookup_error, places] = co_await resolver.async_resolve(address.host, std::to_string(address.port), kAwait);
  if (lookup_error) co_return Outcome(failure("cannot look up", address, lookup_error.message()));
  beast::tcp_stream stream(executor);
  stream.expires_after(deadline);
  const auto [connect_error, place] = co_await stream.async_connect(places, kAwait);
  if (connect_error) co_return Outcome(failure("cannot connect to", address, connect_error.message()));
  if (address.tls) co_return co_await converse_over_tls(stream, address, request);
  co_return co_await converse(stream, address, request);
}

}  // namespace

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
  Promised outcome;
  asio::co_spawn(io, exchange(address, request, deadline), [&](std::exception_ptr thrown, Promised result) {
    if (!thrown) outcome = std::move(result);
  });
  io.run_for(deadline + std::chrono::seconds(1));
  if (!outcome) return base::Error{"no answer from " + authority(address) + " in time"};
  return *std::move(outcome);
}

}  // namespace rampart::control
