// One upstream as it is configured: `[net:]host[:port][/path][#commonName]`, already taken apart.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "base/result.h"

namespace rampart::resolver {

enum class UpstreamProtocol : std::uint8_t {
  kClassic,  ///< `tcp+udp:`  UDP, and TCP where an answer was truncated
  kDot,      ///< `tcp-tls:`  DNS over TLS (RFC 7858)
  kDoh,      ///< `https:`    DNS over HTTPS (RFC 8484)
  kDoq,      ///< `quic:`     DNS over QUIC (RFC 9250)
};

struct UpstreamSpec {
  UpstreamProtocol protocol = UpstreamProtocol::kClassic;
  std::string host;          ///< IP address (without brackets) or host name
  std::uint16_t port = 53;
  std::string path;          ///< DoH only
  std::string common_name;   ///< TLS name to send and verify instead of `host`; empty: `host`
  std::vector<base::IpAddress> ips;  ///< known addresses of `host`: no look-up is made
  /// From stamps: SHA-256 of the TBS part of certificates, one of which the server's chain must hold. Empty: any.
  std::vector<std::array<std::uint8_t, 32>> certificate_hashes;

  friend bool operator==(const UpstreamSpec&, const UpstreamSpec&) = default;
};

/// `[net:]host[:port][/path][#commonName]` or a DNS stamp (`sdns://`); net is empty, `tcp+udp:`, `tcp-tls:`,
/// `https:` or `quic:`. Errors say what was found and what is allowed. The opposite is to_text() (upstream_set.h).
[[nodiscard]] base::Result<UpstreamSpec, std::string> parse_upstream(std::string_view text);

}  // namespace rampart::resolver
