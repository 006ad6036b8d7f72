// DNS stamps (`sdns://` + base64url): all that is needed to reach a resolver in one string. Format:
// https://dnscrypt.info/stamps-specifications
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "resolver/upstream_spec.h"

namespace rampart::resolver {

/// Plain, DoH, DoT and DoQ stamps; the others (DNSCrypt, ODoH, relays) are an error that says so.
/// Port: of the host name field, else of the address field, else the protocol's own. Only hashes of 32 octets are
/// kept. The stamp's addresses become `ips`, so no look-up is made.
[[nodiscard]] base::Result<UpstreamSpec, std::string> parse_dns_stamp(std::string_view text);

}  // namespace rampart::resolver
