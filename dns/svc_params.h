// The parameters in the RDATA of SVCB and HTTPS (RFC 9460 2.2).
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "dns/message_view.h"

namespace rampart::dns {

// SvcParamKeys, RFC 9460 14.3.2.
inline constexpr std::uint16_t kSvcMandatory = 0;
inline constexpr std::uint16_t kSvcIpv4Hint = 4;
inline constexpr std::uint16_t kSvcIpv6Hint = 6;

[[nodiscard]] inline bool has_svc_params(RrType type) noexcept {
  return type == RrType::kSvcb || type == RrType::kHttps;
}

/// Where they begin: behind the priority and the target, which is never compressed. The RDATA is one of a parsed
/// message.
[[nodiscard]] inline std::size_t svc_params_at(base::ByteView rdata) noexcept {
  std::size_t at = 2;
  while (at < rdata.size() && rdata[at] != 0) at += 1u + rdata[at];
  return at + 1 < rdata.size() ? at + 1 : rdata.size();
}

/// Calls `visit(std::uint16_t key, base::ByteView value)` for each in order until it returns false.
template <class Visitor>
void for_each_svc_param(base::ByteView rdata, Visitor&& visit) {
  for (std::size_t at = svc_params_at(rdata); at + 4 <= rdata.size();) {
    const std::uint16_t key = base::load_u16(rdata.data() + at);
    const std::size_t length = base::load_u16(rdata.data() + at + 2);
    at += 4;
    if (length > rdata.size() - at || !visit(key, rdata.subspan(at, length))) return;
    at += length;
  }
}

}  // namespace rampart::dns
