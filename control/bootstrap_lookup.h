// Addresses of list hosts by way of `bootstrapDns`: the machine's own resolver may be this very server, which does not
// answer yet while it loads its lists.
#pragma once

#include <string>
#include <vector>

#include "base/ip_address.h"
#include "base/result.h"
#include "resolver/upstream_set.h"

namespace rampart::control {

/// Blocks for at most kBootstrapLookupMax. The error says what the servers answered.
/// Thread: any, but never a worker's.
[[nodiscard]] base::Result<std::vector<base::IpAddress>, std::string> bootstrap_lookup(
    const std::string& host, const resolver::BootstrapOptions& options);

}  // namespace rampart::control
