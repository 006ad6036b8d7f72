#include "resolver/rebinding.h"

#include <algorithm>

#include "dns/record_addresses.h"

namespace rampart::resolver {

std::optional<base::IpAddress> find_private_address(const dns::MessageView& message) noexcept {
  std::optional<base::IpAddress> found;
  message.for_each_record([&](const dns::RecordView& record) {
    dns::for_each_address(record, [&](const base::IpAddress& address) {
      if (address.is_private()) found = address;
      return !found;
    });
    return !found;
  });
  return found;
}

std::optional<base::IpAddress> RebindingGuard::inspect(dns::NameView qname,
                                                       const dns::MessageView& message) const noexcept {
  // Private addresses are rare, so the list of domains is read only when there is one.
  const auto address = find_private_address(message);
  if (!address) return std::nullopt;
  const bool is_allowed = std::any_of(allowed_.begin(), allowed_.end(), [&](const dns::Name& domain) {
    return dns::is_at_or_below(qname, domain.view());
  });
  return is_allowed ? std::nullopt : address;
}

}  // namespace rampart::resolver
