#include "resolver/upstream.h"

#include <algorithm>

namespace rampart::resolver {

Upstream::Upstream(UpstreamSpec upstream_spec) : spec(std::move(upstream_spec)), text(to_text(spec)) {
  if (!spec.ips.empty()) {
    for (const base::IpAddress& ip : spec.ips)
      addresses.push_back(std::make_unique<UpstreamAddress>(base::IpEndpoint{ip, spec.port}));
  } else if (const auto ip = base::IpAddress::parse(spec.host)) {
    addresses.push_back(std::make_unique<UpstreamAddress>(base::IpEndpoint{*ip, spec.port}));
  } else {
    has_host_name_ = true;
  }
}

void Upstream::set_addresses(const std::vector<base::IpAddress>& ips) {
  std::vector<std::unique_ptr<UpstreamAddress>> current;
  for (const base::IpAddress& ip : ips) {
    const base::IpEndpoint endpoint{ip, spec.port};
    const auto known = std::find_if(addresses.begin(), addresses.end(), [&endpoint](const auto& address) {
      return address != nullptr && address->udp.endpoint == endpoint;
    });
    current.push_back(known != addresses.end() ? std::move(*known) : std::make_unique<UpstreamAddress>(endpoint));
  }
  for (auto& address : addresses)
    if (address != nullptr) former_addresses_.push_back(std::move(address));
  addresses = std::move(current);
  drop_former_addresses();
}

void Upstream::drop_former_addresses() noexcept {
  std::erase_if(former_addresses_, [](const auto& address) {
    return address->udp.inflight == 0 && (address->stream == nullptr || address->stream->inflight() == 0);
  });
}

void Upstream::note_round_trip(base::Duration measured) noexcept {
  round_trip_ = round_trip_ == base::Duration{} ? measured : round_trip_ + (measured - round_trip_) / 8;
}

void Upstream::note_silence(base::Instant now) noexcept {
  last_error_at_ = now;
  if (silent_in_a_row_ < kSilentTriesMax) ++silent_in_a_row_;
}

void Upstream::note_server_failure(base::Instant now) noexcept {
  last_error_at_ = now;
  silent_in_a_row_ = 0;
}

}  // namespace rampart::resolver
