// The PROXY protocol, versions 1 (text) and 2 (binary): a balancer tells us in front of the stream who its client
// is. A pure parser over what has been received so far; the caller owns the socket. Where it is configured the
// header is required: a stream without it is closed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/ip_address.h"

namespace rampart::base {

/// Longest version 1 line with CRLF (fixed by the specification).
inline constexpr std::size_t kProxyLineBytesMax = 107;
/// Longest version 2 header that we accept: 16 octets, addresses and a generous 512 octets of TLVs.
inline constexpr std::size_t kProxyHeaderBytesMax = 16 + 36 + 512;

enum class ProxyParse : std::uint8_t {
  kNeedMore,  ///< a valid beginning
  kComplete,
  kInvalid,   ///< not a PROXY header, malformed, or longer than our bounds
};

struct ProxyHeader {
  ProxyParse state = ProxyParse::kNeedMore;
  std::size_t length = 0;             ///< octets of the header, when complete
  std::optional<IpEndpoint> source;   ///< the client; nullopt for LOCAL, UNKNOWN and families without addresses
};

/// `received` is the beginning of the stream. Cost: one pass, no allocation.
[[nodiscard]] ProxyHeader parse_proxy_header(ByteView received) noexcept;

}  // namespace rampart::base
