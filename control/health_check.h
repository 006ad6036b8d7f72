// `rampart healthcheck`: a real DNS query to a real socket, as container probes and VIP checks need it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "base/ip_address.h"
#include "base/result.h"

namespace rampart::control {

struct HealthCheckOptions {
  base::IpEndpoint server;
  bool tcp = true;
  /// Empty: `healthcheck.blocky.`, which every server of this kind answers itself: any reply will do. Otherwise the
  /// name goes through the whole chain, and only NOERROR or NXDOMAIN counts, so a server that cannot reach its
  /// upstreams is not healthy.
  std::string resolve;
  std::chrono::milliseconds deadline{2'000};
};

/// Done when the server answered as it should; otherwise what happened instead.
[[nodiscard]] base::Status check_health(const HealthCheckOptions& options);

}  // namespace rampart::control
