// The upstreams of one configuration: immutable, shared by all workers. What a worker learns about an upstream
// (health, EDNS, round trips, sockets) lives in the worker's own Upstream, and outlives a reload.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/ip_address.h"
#include "base/time.h"
#include "resolver/upstream_spec.h"

namespace rampart::resolver {

enum class UpstreamStrategy : std::uint8_t {
  kParallelBest,  ///< ask two, chosen by weight; the first answer that is no error wins
  kRandom,        ///< ask one, chosen by weight; where it fails, one more
  kStrict,        ///< ask in the configured order
};

/// Address families for connections that we open (`connectIPVersion`).
enum class IpFamilies : std::uint8_t { kDual, kV4, kV6 };

struct UpstreamGroup {
  std::string name;
  UpstreamStrategy strategy = UpstreamStrategy::kParallelBest;
  base::Duration timeout = std::chrono::seconds(2);  ///< how long one upstream may take; > 0
  std::vector<UpstreamSpec> upstreams;               ///< not empty
};

/// Who resolves the host names of upstreams. Empty: the servers of /etc/resolv.conf.
struct BootstrapOptions {
  std::vector<base::IpEndpoint> servers;  ///< classic DNS
  IpFamilies families = IpFamilies::kDual;
  friend bool operator==(const BootstrapOptions&, const BootstrapOptions&) = default;
};

struct UpstreamSet {
  std::vector<UpstreamGroup> groups;  ///< `ForwardQuestion::upstream_group` counts from 0 here
  std::size_t client_groups = 0;      ///< the first so many are for clients, the others for single domains
  BootstrapOptions bootstrap;
};

/// Blocky's canonical text: `tcp+udp:192.0.2.1`, `tcp-tls:dns.example.org:8853`, `https://dns.example.org/dns-query`;
/// the port only where it is not the protocol's own.
[[nodiscard]] std::string to_text(const UpstreamSpec& spec);
[[nodiscard]] std::uint16_t default_port(UpstreamProtocol protocol) noexcept;

}  // namespace rampart::resolver
