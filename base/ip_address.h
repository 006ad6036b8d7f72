// IP addresses and ranges as plain values. An IPv4 address is kept in its IPv4-mapped IPv6 form, so that a
// client seen on a dual-stack socket and one seen on an IPv4 socket are the same client.
#pragma once

#include <netinet/in.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace rampart::base {

class IpAddress {
 public:
  /// `::`
  constexpr IpAddress() = default;
  static IpAddress v4(std::uint32_t host_order) noexcept;
  static IpAddress v4(const std::uint8_t octets[4]) noexcept;
  static IpAddress v6(const std::uint8_t octets[16]) noexcept;
  /// From a sockaddr_in or sockaddr_in6; `::` for any other family.
  static IpAddress from_sockaddr(const sockaddr& address) noexcept;
  /// Dotted quad or RFC 4291 text, without zone or brackets.
  static std::optional<IpAddress> parse(std::string_view text);

  [[nodiscard]] bool is_v4() const noexcept;
  [[nodiscard]] bool is_loopback() const noexcept;
  [[nodiscard]] bool is_unspecified() const noexcept;
  /// RFC 1918, fc00::/7, loopback, link-local, unspecified; IPv4-mapped forms included.
  [[nodiscard]] bool is_private() const noexcept;
  /// 4 octets for IPv4, 16 otherwise.
  [[nodiscard]] ByteView octets() const noexcept;
  [[nodiscard]] const std::array<std::uint8_t, 16>& mapped() const noexcept { return octets_; }
  /// Canonical text (RFC 5952).
  [[nodiscard]] std::string to_string() const;
  /// Clears all but the first `prefix` bits (0..32 for IPv4, 0..128 for IPv6).
  [[nodiscard]] IpAddress masked(unsigned prefix) const noexcept;

  friend bool operator==(const IpAddress& a, const IpAddress& b) noexcept {
    return std::memcmp(a.octets_.data(), b.octets_.data(), 16) == 0;
  }
  friend bool operator<(const IpAddress& a, const IpAddress& b) noexcept {
    return std::memcmp(a.octets_.data(), b.octets_.data(), 16) < 0;
  }

 private:
  std::array<std::uint8_t, 16> octets_{};
};

/// An address range in prefix form; a single address is a /32 or /128.
struct IpRange {
  IpAddress base;
  std::uint8_t prefix = 128;  ///< in bits of its own family: 0..32 or 0..128

  /// `192.0.2.0/24`, `2001:db8::/32`, or a plain address. Host bits are cleared.
  static std::optional<IpRange> parse(std::string_view text);
  [[nodiscard]] bool contains(const IpAddress& address) const noexcept;
  [[nodiscard]] std::string to_string() const;
  friend bool operator==(const IpRange&, const IpRange&) = default;
};

struct IpEndpoint {
  IpAddress address;
  std::uint16_t port = 0;
  static IpEndpoint from_sockaddr(const sockaddr& address) noexcept;
  /// Fills `out` and returns its length; IPv4 becomes AF_INET unless `as_v6` asks for the mapped form.
  socklen_t to_sockaddr(sockaddr_storage& out, bool as_v6 = false) const noexcept;
  [[nodiscard]] std::string to_string() const;  ///< `192.0.2.1:53`, `[2001:db8::1]:53`
  friend bool operator==(const IpEndpoint&, const IpEndpoint&) = default;
};

}  // namespace rampart::base
