// Rebinding protection: a public name that resolves to a private address lets a web page speak to the devices of this
// network as if it were one of them. Answers from upstream that contain a private address are therefore replaced,
// unless the name lies in a domain that is meant to have them.
#pragma once

#include <optional>
#include <vector>

#include "base/ip_address.h"
#include "dns/message_view.h"
#include "dns/name.h"

namespace rampart::resolver {

/// The first private address (RFC 1918, fc00::/7, loopback, link-local, unspecified; IPv4-mapped forms included) in any
/// section, in A, AAAA or the hints of SVCB and HTTPS. Cost: one pass, no allocation.
[[nodiscard]] std::optional<base::IpAddress> find_private_address(const dns::MessageView& message) noexcept;

/// Immutable part of the policy.
class RebindingGuard {
 public:
  RebindingGuard() = default;
  /// Names of `allowed_domains` and all names below them may have private addresses.
  explicit RebindingGuard(std::vector<dns::Name> allowed_domains) : allowed_(std::move(allowed_domains)) {}

  /// The address for which the answer to `qname` must be replaced, if there is one.
  [[nodiscard]] std::optional<base::IpAddress> inspect(dns::NameView qname,
                                                       const dns::MessageView& message) const noexcept;

 private:
  std::vector<dns::Name> allowed_;
};

}  // namespace rampart::resolver
