// How a configuration names clients: in the keys of `blocking.clientGroupsBlock` and `upstreams.groups`.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"

namespace rampart::control {

struct ClientIdentifier {
  enum class Kind : std::uint8_t {
    kDefault,  ///< `default`: whoever matches nothing else
    kAddress,  ///< `192.0.2.7`, `2001:db8::7`
    kRange,    ///< `192.0.2.0/24`
    kGlob,     ///< `laptop-*`, `tv[12]`, `tablet?`: base/glob.h, against client names
    kName,     ///< an exact client name; with a dot in it also a host name whose addresses are meant
    kMistyped, ///< `192.0.2.0/240`, `10.0.0.1-10.0.0.9`: meant as address or range; compared with client names only
  };
  Kind kind = Kind::kName;
  std::string text;     ///< lower case
  base::IpRange range;  ///< kAddress and kRange

  friend bool operator==(const ClientIdentifier&, const ClientIdentifier&) = default;
};

/// One identifier. Never fails: what is no address, range or pattern is a name, or looks like something mistyped.
[[nodiscard]] ClientIdentifier parse_client_identifier(std::string_view text);
/// A key of clientGroupsBlock: identifiers separated by commas, without trimming, as Blocky reads it.
[[nodiscard]] std::vector<ClientIdentifier> parse_client_identifiers(std::string_view key);

/// Why the identifier will not match whom it is meant for, and the cure; "" if nothing speaks against it.
[[nodiscard]] std::string doubt_about(const ClientIdentifier& client);

}  // namespace rampart::control
