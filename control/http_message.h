// HTTP requests and responses as plain values, so that whatever answers them is a function without sockets.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/ip_address.h"

namespace rampart::control {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method;  ///< "GET"
  std::string target;  ///< as sent: path and query, percent-encoded
  HttpHeaders headers;
  std::string body;
  base::IpAddress socket_peer;  ///< the connection's other end
  base::IpAddress peer;    ///< the same, or what its PROXY header says
  base::IpAddress client;  ///< peer, or whom a trusted proxy names in its forwarding headers
  bool tls = false;
  bool serves_api = true;  ///< by the listener: REST API, metrics, documents
  bool serves_doh = true;  ///< by the listener: DNS over HTTPS

  /// Value of the first header of that name (case-insensitive); nullopt without one.
  [[nodiscard]] std::optional<std::string_view> header(std::string_view name) const noexcept;
  /// The target's part before '?'. Not decoded: no route of ours needs encoding.
  [[nodiscard]] std::string_view path() const noexcept;
  /// Decoded value of the first query parameter of that name; nullopt without one or with a broken encoding.
  [[nodiscard]] std::optional<std::string> parameter(std::string_view name) const;
};

struct HttpResponse {
  unsigned status = 200;
  std::string content_type;  ///< empty: no Content-Type
  std::string body;
  HttpHeaders headers;

  static HttpResponse text(unsigned status, std::string body) {
    return {status, "text/plain; charset=utf-8", std::move(body), {}};
  }
  static HttpResponse json(unsigned status, std::string document) {
    document.push_back('\n');
    return {status, "application/json", std::move(document), {}};
  }
  static HttpResponse empty(unsigned status = 200) { return {status, {}, {}, {}}; }
};

/// Called exactly once for each request, from any thread.
using HttpReply = std::function<void(HttpResponse)>;

/// Decodes %XX and '+' of a query component; nullopt when an escape is broken.
[[nodiscard]] std::optional<std::string> decode_query_component(std::string_view text);
/// Encodes everything but unreserved characters (RFC 3986 2.3).
[[nodiscard]] std::string encode_query_component(std::string_view text);
[[nodiscard]] bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept;
/// A client ID longer than this is cut: it is copied into every log entry of the client.
inline constexpr std::size_t kClientIdBytesMax = 128;
/// The client ID that a host name `id-<client_id>.rest` carries; empty: none.
[[nodiscard]] std::string client_id_of_host(std::string_view host);
/// A client ID as it may stand among names in logs: cut, and without control characters.
[[nodiscard]] std::string usable_client_id(std::string_view id);

}  // namespace rampart::control
