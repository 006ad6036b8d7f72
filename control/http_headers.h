// Headers that every response carries, as Blocky sends them: CORS for browsers' dashboards, and on TLS the usual
// protections. Pure.
#pragma once

#include <optional>
#include <string>

#include "control/http_message.h"

namespace rampart::control {

/// The answer to a CORS preflight (OPTIONS with Access-Control-Request-Method); nullopt for any other request.
[[nodiscard]] std::optional<HttpResponse> preflight_response(const HttpRequest& request);

/// Adds CORS headers (when the request has an Origin) and, on TLS, the protections.
void add_common_headers(const HttpRequest& request, HttpResponse& response);

/// Status line, headers and (unless `head_only`) body, ready to be written.
[[nodiscard]] std::string serialize(const HttpResponse& response, bool head_only, bool keep_alive);

}  // namespace rampart::control
