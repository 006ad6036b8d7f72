// The client side of the REST API, for the command line: one request, one response, with a deadline over everything
// (lookup, connection, answer).
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"
#include "control/api_address.h"

namespace rampart::control {

struct ApiResponse {
  unsigned status = 0;
  std::string reason;  ///< "400 Bad Request"
  std::string body;
};

/// Errors say what failed: "cannot connect to localhost:4000: connection refused".
[[nodiscard]] base::Result<ApiResponse, std::string> call_api(const ApiAddress& address, std::string_view method,
                                                              std::string_view target, std::string_view body,
                                                              std::chrono::milliseconds deadline);

}  // namespace rampart::control
