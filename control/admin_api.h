// The REST API, the documents and the health endpoints as one pure function from request to response. It knows the
// routes, bodies and status codes (Blocky's, and ours: explain, health); the ControlPlane does the work.
#pragma once

#include <string>
#include <string_view>

#include "control/control_plane.h"
#include "control/http_access.h"
#include "control/http_message.h"

namespace rampart::control {

struct AdminApiOptions {
  std::string version, build_time;
  std::string doh_path = "/dns-query";    ///< shown on the landing page only
  bool metrics_enabled = false;
  std::string metrics_path = "/metrics";
  ApiAccessOptions access;
  std::string config_schema_json;  ///< served under /docs/config.schema.json; empty: 404
};

/// Where a request is answered: kQuick ones never wait, so a health probe gets its answer while others wait.
enum class ApiLane : std::uint8_t {
  kQuick,
  kChain,    ///< waits for the chain, and so for upstreams
  kRefresh,  ///< waits for list downloads
  kFlush,    ///< waits for Redis
};
[[nodiscard]] ApiLane lane_of(const HttpRequest& request);

/// Never throws; any request gets a response. Blocks as long as the ControlPlane call it makes.
[[nodiscard]] HttpResponse handle(const HttpRequest& request, ControlPlane& plane, const AdminApiOptions& options);

/// The API's own description, docs/openapi.yaml as it was at build time.
[[nodiscard]] std::string_view openapi_yaml();

}  // namespace rampart::control
