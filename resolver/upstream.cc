#include "resolver/upstream.h"

namespace rampart::resolver {

Upstream::Upstream(UpstreamSpec upstream_spec) : spec(std::move(upstream_spec)), text(to_text(spec)) {
  if (!spec.ips.empty()) {
    for (const base::IpAddress& ip : spec.ips)
      addresses.push_back(std::make_unique<UpstreamAddress>(base::IpEndpoint{ip, spec.port}));
  } else if (const auto ip = base::IpAddress::parse(spec.host)) {
    addresses.push_back(std::make_unique<UpstreamAddress>(base::IpEndpoint{*ip, spec.port}));
  }
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
