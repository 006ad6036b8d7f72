// What one worker knows of one upstream: its addresses with their sockets, its health, and how it must be
// spoken to (EDNS, letter case). It lives as long as a configuration or a query in flight names it; a reload
// hands it on to the new configuration if the spec is the same.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "resolver/upstream_group.h"
#include "resolver/upstream_set.h"
#include "resolver/upstream_stream.h"
#include "resolver/upstream_udp.h"

namespace rampart::resolver {

/// Whether the forwarder can ask by this protocol.
[[nodiscard]] constexpr bool is_supported(UpstreamProtocol protocol) noexcept {
  return protocol == UpstreamProtocol::kClassic || protocol == UpstreamProtocol::kDot;
}

struct UpstreamAddress {
  explicit UpstreamAddress(base::IpEndpoint endpoint) noexcept : udp(endpoint) {}
  UdpPool udp;
  std::unique_ptr<UpstreamStream> stream;  ///< since it was first needed
};

class Upstream : public std::enable_shared_from_this<Upstream> {
 public:
  explicit Upstream(UpstreamSpec upstream_spec);

  const UpstreamSpec spec;
  const std::string text;  ///< canonical
  std::vector<std::unique_ptr<UpstreamAddress>> addresses;  ///< empty: host name not yet resolved

  /// Its host is a name: addresses come from look-ups, and the last good ones stay until others are known.
  [[nodiscard]] bool has_host_name() const noexcept { return has_host_name_; }
  /// Takes over what a look-up found; sockets and connections of addresses that stay are kept.
  void set_addresses(const std::vector<base::IpAddress>& ips);
  /// Frees former addresses that no query uses any more.
  void drop_former_addresses() noexcept;
  base::Instant look_up_at{};  ///< when its addresses are to be looked up (again)
  bool is_looked_up = false;   ///< a look-up is under way
  bool has_look_up_failed = false;

  [[nodiscard]] std::uint32_t weight(base::Instant now) const noexcept {
    return last_error_at_ ? upstream_weight(now - *last_error_at_) : kWeightMax;
  }
  /// Several tries in a row met silence: strict order passes it over until a probe is answered.
  [[nodiscard]] bool is_down() const noexcept { return silent_in_a_row_ >= kSilentTriesMax; }
  /// Smoothed as in RFC 6298; zero before the first answer.
  [[nodiscard]] base::Duration round_trip() const noexcept { return round_trip_; }

  void note_answer() noexcept { silent_in_a_row_ = 0; }
  void note_round_trip(base::Duration measured) noexcept;
  void note_silence(base::Instant now) noexcept;         ///< timeout, or unreachable
  void note_server_failure(base::Instant now) noexcept;  ///< SERVFAIL, REFUSED: it is alive

  [[nodiscard]] bool uses_edns(base::Instant now) const noexcept { return now >= no_edns_until_; }
  void disable_edns(base::Instant now) noexcept { no_edns_until_ = now + kNoEdnsFor; }
  [[nodiscard]] bool keeps_case() const noexcept { return case_lost_in_a_row_ < kCaseLostMax; }
  void note_case_kept() noexcept { case_lost_in_a_row_ = 0; }
  /// true if this was once too often, and 0x20 is off from now on.
  bool note_case_lost() noexcept { return ++case_lost_in_a_row_ == kCaseLostMax; }

  std::uint8_t preferred_address = 0;  ///< index to begin with, modulo their number
  base::Instant probe_at{};            ///< when to ask again, while it is down

 private:
  static constexpr std::uint32_t kSilentTriesMax = 3;
  static constexpr std::uint32_t kCaseLostMax = 3;  ///< each took a forger's luck with ID and port, or is true
  static constexpr base::Duration kNoEdnsFor = std::chrono::minutes(15);

  bool has_host_name_ = false;
  std::vector<std::unique_ptr<UpstreamAddress>> former_addresses_;
  std::optional<base::Instant> last_error_at_;
  std::uint32_t silent_in_a_row_ = 0;
  std::uint32_t case_lost_in_a_row_ = 0;
  base::Duration round_trip_{};
  base::Instant no_edns_until_{};
};

}  // namespace rampart::resolver
