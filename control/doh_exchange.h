// DNS over HTTPS (RFC 8484) on our HTTP/1.1 listeners: from a request to the DNS message in it, and back. Pure
// functions with Blocky's paths and status codes; a message may have its full 65,535 octets (padded queries are
// longer than the 512 that Blocky takes).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "control/http_message.h"

namespace rampart::control {

struct DohQuery {
  std::vector<std::uint8_t> message;
  std::string client_id;  ///< path segment behind the DoH path, else from Host; empty: none
};

/// True for `<doh_path>`, `<doh_path>/` and `<doh_path>/{client_id}`.
[[nodiscard]] bool is_doh_path(std::string_view path, std::string_view doh_path) noexcept;

/// The query, or the error response: 400, 405, 413, 414 or 415.
[[nodiscard]] base::Result<DohQuery, HttpResponse> parse_doh_request(const HttpRequest& request,
                                                                     std::string_view doh_path);

/// 200 with the message and `Cache-Control: max-age` of its smallest answer TTL (RFC 8484 5.1); an empty message (a
/// dropped query) becomes an empty 200, as Blocky sends.
[[nodiscard]] HttpResponse make_doh_response(base::ByteView message);

}  // namespace rampart::control
