// The client side of the REST API, for the command line: one request, one response, with a deadline over everything
// (lookup, connection, answer).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace rampart::control {

struct ApiAddress {
  std::string host = "localhost";
  std::uint16_t port = 4000;
  std::string token;  ///< sent as bearer token; empty: none

  /// `host`, `host:port`, `[2001:db8::1]:port`, each with or without `http://`; nullopt for anything else.
  [[nodiscard]] static std::optional<ApiAddress> parse(std::string_view text);
};

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
