// Special-use domain names that a forwarder must answer itself (RFC 6761, 6762, 6303, 7686, 8375, 9462).
#pragma once

#include <cstdint>

#include "dns/name.h"
#include "dns/types.h"

namespace rampart::resolver {

enum class SpecialUse : std::uint8_t {
  kNone,          ///< an ordinary name: forward it
  kNxDomain,
  kLocalhost,     ///< A 127.0.0.1, AAAA ::1, other types NXDOMAIN
  kEmpty,         ///< NOERROR without records (resolver.arpa)
};

/// `appendix_g` adds intranet, internal, private, corp, home and lan (RFC 6762 appendix G).
[[nodiscard]] SpecialUse special_use_of(const dns::FoldedName& name, dns::RrType qtype, bool appendix_g) noexcept;

}  // namespace rampart::resolver
