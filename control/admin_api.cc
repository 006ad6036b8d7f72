#include "control/admin_api.h"

#include <algorithm>
#include <array>
#include <exception>
#include <nlohmann/json.hpp>

#include "control/api_json.h"
#include "control/go_duration.h"
#include "control/landing_page.h"
#include "control/metrics.h"
#include "dns/name.h"
#include "dns/presentation.h"

namespace rampart::control {

extern const std::string_view kOpenapiText;  // generated from docs/openapi.yaml

std::string_view openapi_yaml() { return kOpenapiText; }

namespace {

/// Prometheus text format 0.0.4.
constexpr std::string_view kMetricsType = "text/plain; version=0.0.4; charset=utf-8";
/// More groups than lists can have; a longer `groups` parameter is an error, not work.
constexpr std::size_t kGroupsMax = 256;

constexpr std::string_view kAlivePath = "/healthz";

struct Call {
  const HttpRequest& request;
  ControlPlane& plane;
  const AdminApiOptions& options;
};

HttpResponse bad_request(std::string text) { return HttpResponse::text(400, std::move(text)); }

HttpResponse blocking_status(const Call& call) { return HttpResponse::json(200, to_json(call.plane.blocking_status())); }

HttpResponse enable_blocking(const Call& call) {
  const auto done = call.plane.enable_blocking();
  return done ? HttpResponse::empty() : HttpResponse::text(500, done.error());
}

HttpResponse disable_blocking(const Call& call) {
  std::chrono::milliseconds duration{0};
  if (const auto text = call.request.parameter("duration")) {
    const auto parsed = parse_go_duration(*text);
    if (!parsed) return bad_request(parsed.error());
    if (parsed->count() < 0) return bad_request("duration " + *text + " is negative; use 0 for no limit");
    // Rounded up, so that a duration below a millisecond does not turn into "no limit".
    duration = std::chrono::ceil<std::chrono::milliseconds>(*parsed);
  }
  std::vector<std::string> groups;
  if (const auto text = call.request.parameter("groups"); text && !text->empty()) {
    std::size_t at = 0;
    for (std::size_t comma = 0; comma != std::string::npos; at = comma + 1) {
      if (groups.size() == kGroupsMax) return bad_request("more than " + std::to_string(kGroupsMax) + " groups");
      comma = text->find(',', at);
      groups.push_back(text->substr(at, comma == std::string::npos ? comma : comma - at));
    }
  }
  const auto done = call.plane.disable_blocking(duration, groups);
  return done ? HttpResponse::empty() : bad_request(done.error());
}

HttpResponse refresh_lists(const Call& call) {
  const auto done = call.plane.refresh_lists();
  return done ? HttpResponse::empty() : HttpResponse::text(500, done.error());
}

HttpResponse flush_cache(const Call& call) {
  const auto done = call.plane.flush_cache();
  return done ? HttpResponse::empty() : HttpResponse::text(500, done.error());
}

std::string with_final_dot(std::string name) {
  if (name.empty() || name.back() != '.') name.push_back('.');
  return name;
}

/// Fills name and type, or says what is wrong with them.
base::Status set_question(QueryCommand& command, const std::string& name, const std::string& type) {
  const auto parsed_type = dns::parse_rr_type(type, false);
  if (!parsed_type) return base::Error{"unknown query type '" + type + "'"};
  command.name = with_final_dot(name);
  command.type = static_cast<std::uint16_t>(*parsed_type);
  if (!dns::Name::parse(command.name)) {
    return base::Error{"'" + name + "' is no domain name: labels have 1 to 63 octets, all together at most 253"};
  }
  return base::Done{};
}

HttpResponse query(const Call& call) {
  using Json = nlohmann::json;
  std::string name, type;
  try {
    const Json body = Json::parse(call.request.body);
    if (!body.is_object()) return bad_request("can't decode JSON body: it is no object");
    const auto member = [&](const char* key) {
      const auto found = body.find(key);
      return found == body.end() ? std::string() : found->get<std::string>();
    };
    name = member("query");
    type = member("type");
  } catch (const Json::exception& e) {
    return bad_request(std::string("can't decode JSON body: ") + e.what());
  }
  QueryCommand command;
  if (const auto set = set_question(command, name, type); !set) return bad_request(set.error());
  command.client = call.request.client;
  command.client_id = client_id_of_host(call.request.header("host").value_or(""));
  const auto outcome = call.plane.query(command);
  return outcome ? HttpResponse::json(200, to_json(*outcome)) : HttpResponse::text(500, outcome.error());
}

HttpResponse explain(const Call& call) {
  QueryCommand command;
  const auto name = call.request.parameter("name");
  if (!name || name->empty()) return bad_request("parameter 'name' is missing: /api/explain?name=example.org&type=A");
  const std::string type = call.request.parameter("type").value_or("A");
  if (const auto set = set_question(command, *name, type); !set) return bad_request(set.error());
  command.client = call.request.client;
  if (const auto client = call.request.parameter("client"); client && !client->empty()) {
    const auto address = base::IpAddress::parse(*client);
    if (!address) return bad_request("parameter 'client': '" + *client + "' is no IP address");
    command.client = *address;
  } else {
    command.client_id = client_id_of_host(call.request.header("host").value_or(""));
  }
  const auto explanation = call.plane.explain(command);
  return explanation ? HttpResponse::json(200, to_json(*explanation)) : HttpResponse::text(500, explanation.error());
}

HttpResponse stats(const Call& call) {
  const auto report = call.plane.stats();
  return report ? HttpResponse::json(200, to_json(*report)) : HttpResponse::text(503, "statistics are disabled");
}

HttpResponse metrics(const Call& call) {
  MetricsSnapshot snapshot;
  call.plane.collect(snapshot);
  return {200, std::string(kMetricsType), render_metrics(snapshot), {}};
}

HttpResponse landing(const Call& call) {
  return {200, "text/html; charset=utf-8", landing_page(call.options, call.request.serves_doh), {}};
}

HttpResponse robots(const Call&) { return HttpResponse::text(200, "User-agent: *\nDisallow: /\n"); }

HttpResponse healthz(const Call&) { return HttpResponse::text(200, "OK\n"); }

HttpResponse readyz(const Call& call) {
  const HealthReport report = call.plane.health();
  const bool may_see = check_access(call.request, ApiScope::kRead, call.options.access) == AccessDecision::kGranted;
  return HttpResponse::json(is_ready(report) ? 200 : 503, to_json(report, may_see));
}

HttpResponse openapi(const Call&) { return {200, "text/yaml", std::string(openapi_yaml()), {}}; }

HttpResponse config_schema(const Call& call) {
  if (call.options.config_schema_json.empty()) return HttpResponse::text(404, "no configuration schema in this build\n");
  return {200, "application/json", call.options.config_schema_json, {}};
}

HttpResponse debug(const Call& call) {
  return {200, "application/json", to_json(call.plane.health(), true) + "\n", {{"Cache-Control", "no-cache"}}};
}

/// Who is asked for what: documents and liveness for everybody in reach, the rest by scope.
enum class Guard : std::uint8_t { kNone, kRead, kAdmin };
enum class Verb : std::uint8_t {
  kGet,      ///< GET only: it changes state, so HEAD must not do it by accident
  kGetHead,  ///< GET, and HEAD for the same without body
  kPost,
};

struct Route {
  std::string_view path;
  Verb verb;
  Guard guard;
  ApiLane lane;
  HttpResponse (*answer)(const Call&);
};

constexpr std::array kRoutes = {
    Route{"/", Verb::kGetHead, Guard::kNone, ApiLane::kQuick, landing},
    Route{"/robots.txt", Verb::kGetHead, Guard::kNone, ApiLane::kQuick, robots},
    Route{kAlivePath, Verb::kGetHead, Guard::kNone, ApiLane::kQuick, healthz},
    Route{"/readyz", Verb::kGetHead, Guard::kNone, ApiLane::kQuick, readyz},
    Route{"/docs/openapi.yaml", Verb::kGetHead, Guard::kNone, ApiLane::kQuick, openapi},
    Route{"/docs/config.schema.json", Verb::kGetHead, Guard::kNone, ApiLane::kQuick, config_schema},
    Route{"/debug/", Verb::kGetHead, Guard::kRead, ApiLane::kQuick, debug},
    Route{"/api/blocking/status", Verb::kGetHead, Guard::kRead, ApiLane::kQuick, blocking_status},
    Route{"/api/blocking/enable", Verb::kGet, Guard::kAdmin, ApiLane::kQuick, enable_blocking},
    Route{"/api/blocking/disable", Verb::kGet, Guard::kAdmin, ApiLane::kQuick, disable_blocking},
    Route{"/api/lists/refresh", Verb::kPost, Guard::kAdmin, ApiLane::kRefresh, refresh_lists},
    Route{"/api/cache/flush", Verb::kPost, Guard::kAdmin, ApiLane::kFlush, flush_cache},
    Route{"/api/query", Verb::kPost, Guard::kRead, ApiLane::kChain, query},
    Route{"/api/explain", Verb::kGetHead, Guard::kRead, ApiLane::kChain, explain},
    Route{"/api/stats", Verb::kGetHead, Guard::kRead, ApiLane::kQuick, stats},
};

const Route* route_of(std::string_view path) {
  const auto found = std::find_if(kRoutes.begin(), kRoutes.end(), [&](const Route& r) { return r.path == path; });
  return found == kRoutes.end() ? nullptr : &*found;
}

bool allows(Verb verb, std::string_view method) {
  switch (verb) {
    case Verb::kGet: return method == "GET";
    case Verb::kGetHead: return method == "GET" || method == "HEAD";
    case Verb::kPost: return method == "POST";
  }
  return false;
}

std::string_view allow_header(Verb verb) {
  return verb == Verb::kGet ? "GET" : verb == Verb::kGetHead ? "GET, HEAD" : "POST";
}

/// nullopt: go on.
std::optional<HttpResponse> refuse(const HttpRequest& request, Guard guard, const ApiAccessOptions& access) {
  if (guard == Guard::kNone) return std::nullopt;
  switch (check_access(request, guard == Guard::kAdmin ? ApiScope::kAdmin : ApiScope::kRead, access)) {
    case AccessDecision::kGranted: return std::nullopt;
    case AccessDecision::kNetworkDenied:
      return HttpResponse::text(403, "the API is not open to " + request.client.to_string() +
                                         "; see api.allowedNetworks in the configuration\n");
    case AccessDecision::kProxyDenied:
      return HttpResponse::text(403, "the API is not open to " + request.client.to_string() + " by way of " +
                                         request.socket_peer.to_string() +
                                         ": name that proxy in trustedProxies of the configuration\n");
    case AccessDecision::kTokenMissing: {
      HttpResponse response = HttpResponse::text(401, "a bearer token of api is required\n");
      response.headers.emplace_back("WWW-Authenticate", "Bearer realm=\"rampart\"");
      return response;
    }
    case AccessDecision::kScopeTooSmall: return HttpResponse::text(403, "this token may only read\n");
  }
  return HttpResponse::empty(403);
}

HttpResponse dispatch(const HttpRequest& request, ControlPlane& plane, const AdminApiOptions& options) {
  const Call call{request, plane, options};
  const std::string_view path = request.path();
  // Who balances DoH has to ask whether this server lives.
  if (!request.serves_api && path != kAlivePath) return HttpResponse::text(404, "404 page not found\n");
  if (options.metrics_enabled && path == options.metrics_path) {
    if (auto refusal = refuse(request, Guard::kRead, options.access)) return *std::move(refusal);
    return metrics(call);
  }
  const Route* route = route_of(path);
  if (route == nullptr) return HttpResponse::text(404, "404 page not found\n");
  if (!allows(route->verb, request.method)) {
    HttpResponse response = HttpResponse::empty(405);
    response.headers.emplace_back("Allow", allow_header(route->verb));
    return response;
  }
  if (auto refusal = refuse(request, route->guard, options.access)) return *std::move(refusal);
  return route->answer(call);
}

}  // namespace

ApiLane lane_of(const HttpRequest& request) {
  const Route* route = route_of(request.path());
  return route == nullptr ? ApiLane::kQuick : route->lane;
}

HttpResponse handle(const HttpRequest& request, ControlPlane& plane, const AdminApiOptions& options) {
  try {
    return dispatch(request, plane, options);
  } catch (const std::exception& e) {
    return HttpResponse::text(500, std::string("internal error: ") + e.what());
  }
}

}  // namespace rampart::control
