// Everything behind the HTTP parser: the input is a request as text (request line, header lines, empty line, body).
// Every request gets a response that can be written: a known status, and no header that ends early.
#include <string_view>

#include "base/proxy_protocol.h"
#include "control/admin_api.h"
#include "control/cli_output.h"
#include "control/doh_exchange.h"
#include "control/http_access.h"
#include "control/http_headers.h"
#include "tests/fuzz/require.h"
#include "tests/support/fake_control_plane.h"

using namespace rampart;
using fuzz::require;

namespace {

std::string_view take(std::string_view& rest, std::string_view end) {
  const std::size_t at = rest.find(end);
  const std::string_view part = rest.substr(0, at);
  rest.remove_prefix(at == std::string_view::npos ? rest.size() : at + end.size());
  return part;
}

void check(const control::HttpResponse& response, const control::HttpRequest& request) {
  const std::string octets = control::serialize(response, request.method == "HEAD", true);
  require(response.status >= 200 && response.status < 600);
  const std::size_t end = octets.find("\r\n\r\n");
  require(end != std::string::npos);
  require(octets.size() - end - 4 == (request.method == "HEAD" ? 0 : response.body.size()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  const auto proxy = base::parse_proxy_header({data, size});
  require(proxy.state != base::ProxyParse::kComplete || proxy.length <= size);

  control::HttpRequest request;
  request.method = take(rest, " ");
  request.target = take(rest, "\n");
  while (!rest.empty()) {
    std::string_view line = take(rest, "\n");
    if (line.empty()) break;
    const std::string_view name = take(line, ":");
    request.headers.emplace_back(name, line);
  }
  request.body = rest;
  control::ApiAccessOptions access;
  request.socket_peer = request.peer = *base::IpAddress::parse("127.0.0.1");
  request.client = control::client_address(request.headers, request.peer, access);
  request.tls = size % 2 == 0;

  static test::FakeControlPlane plane;
  plane.stats_report = control::StatsReport{};
  control::AdminApiOptions options;
  options.metrics_enabled = true;
  if (size % 3 == 0) options.access.admin_tokens = {"secret"};

  if (const auto preflight = control::preflight_response(request)) check(*preflight, request);
  control::HttpResponse response = control::handle(request, plane, options);
  control::add_common_headers(request, response);
  check(response, request);
  static_cast<void>(control::lane_of(request));

  if (control::is_doh_path(request.path(), "/dns-query")) {
    const auto doh = control::parse_doh_request(request, "/dns-query");
    if (doh) {
      require(doh->message.size() >= 12 && doh->message.size() <= 65535);
    } else {
      check(doh.error(), request);
    }
  }
  check(control::make_doh_response({data, size}), request);
  static_cast<void>(control::stats_text(request.body));
  static_cast<void>(control::blocking_status_text(request.body));
  return 0;
}
