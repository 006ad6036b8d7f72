#include "base/ip_address.h"

#include <arpa/inet.h>

#include <charconv>

#include "base/ip_text.h"

namespace rampart::base {
namespace {

constexpr std::uint8_t kMappedPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

}  // namespace

IpAddress IpAddress::v4(std::uint32_t host_order) noexcept {
  std::uint8_t octets[4];
  store_u32(octets, host_order);
  return v4(octets);
}

IpAddress IpAddress::v4(const std::uint8_t octets[4]) noexcept {
  IpAddress a;
  std::memcpy(a.octets_.data(), kMappedPrefix, 12);
  std::memcpy(a.octets_.data() + 12, octets, 4);
  return a;
}

IpAddress IpAddress::v6(const std::uint8_t octets[16]) noexcept {
  IpAddress a;
  std::memcpy(a.octets_.data(), octets, 16);
  return a;
}

IpAddress IpAddress::from_sockaddr(const sockaddr& address) noexcept {
  return IpEndpoint::from_sockaddr(address).address;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  char buffer[INET6_ADDRSTRLEN];
  if (text.empty() || text.size() >= sizeof(buffer)) return std::nullopt;
  std::memcpy(buffer, text.data(), text.size());
  buffer[text.size()] = '\0';
  std::uint8_t octets[16];
  if (inet_pton(AF_INET, buffer, octets) == 1) return v4(octets);
  if (inet_pton(AF_INET6, buffer, octets) == 1) return v6(octets);
  return std::nullopt;
}

bool IpAddress::is_v4() const noexcept { return std::memcmp(octets_.data(), kMappedPrefix, 12) == 0; }

bool IpAddress::is_loopback() const noexcept {
  if (is_v4()) return octets_[12] == 127;
  for (int i = 0; i < 15; ++i)
    if (octets_[i] != 0) return false;
  return octets_[15] == 1;
}

bool IpAddress::is_unspecified() const noexcept {
  if (is_v4()) return load_u32(octets_.data() + 12) == 0;
  for (const auto octet : octets_)
    if (octet != 0) return false;
  return true;
}

bool IpAddress::is_private() const noexcept {
  if (is_loopback() || is_unspecified()) return true;
  if (is_v4()) {
    const std::uint32_t a = load_u32(octets_.data() + 12);
    return (a >> 24) == 10 || (a >> 20) == 0xac1 || (a >> 16) == 0xc0a8 || (a >> 16) == 0xa9fe;
  }
  return (octets_[0] & 0xfe) == 0xfc || (octets_[0] == 0xfe && (octets_[1] & 0xc0) == 0x80);
}

ByteView IpAddress::octets() const noexcept {
  return is_v4() ? ByteView(octets_).subspan(12) : ByteView(octets_);
}

void append_v4_text(std::string& out, std::span<const std::uint8_t, 4> octets) {
  char buffer[sizeof "255.255.255.255"];
  char* at = buffer;
  for (const std::uint8_t octet : octets) {
    if (at != buffer) *at++ = '.';
    if (octet >= 100) *at++ = static_cast<char>('0' + octet / 100);
    if (octet >= 10) *at++ = static_cast<char>('0' + octet / 10 % 10);
    *at++ = static_cast<char>('0' + octet % 10);
  }
  out.append(buffer, at);
}

std::string IpAddress::to_string() const {
  char buffer[INET6_ADDRSTRLEN];
  if (is_v4()) {
    std::string text;
    append_v4_text(text, base::ByteView(octets_).last<4>());
    return text;
  }
  return inet_ntop(AF_INET6, octets_.data(), buffer, sizeof(buffer));
}

IpAddress IpAddress::masked(unsigned prefix) const noexcept {
  const unsigned kept_bits = is_v4() ? 96 + prefix : prefix;
  IpAddress result = *this;
  for (unsigned i = 0; i < 16; ++i) {
    const unsigned first_bit = i * 8;
    if (first_bit >= kept_bits) {
      result.octets_[i] = 0;
    } else if (first_bit + 8 > kept_bits) {
      result.octets_[i] &= static_cast<std::uint8_t>(0xff00 >> (kept_bits - first_bit));
    }
  }
  return result;
}

std::optional<IpRange> IpRange::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  const unsigned longest = address->is_v4() ? 32 : 128;
  unsigned prefix = longest;
  if (slash != std::string_view::npos) {
    const auto digits = text.substr(slash + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), prefix);
    if (error != std::errc{} || end != digits.data() + digits.size() || prefix > longest) return std::nullopt;
  }
  return IpRange{address->masked(prefix), static_cast<std::uint8_t>(prefix)};
}

bool IpRange::contains(const IpAddress& address) const noexcept {
  return address.is_v4() == base.is_v4() && address.masked(prefix) == base;
}

std::string IpRange::to_string() const {
  if (prefix == (base.is_v4() ? 32 : 128)) return base.to_string();
  return base.to_string() + "/" + std::to_string(prefix);
}

IpEndpoint IpEndpoint::from_sockaddr(const sockaddr& address) noexcept {
  if (address.sa_family == AF_INET) {
    const auto& in = reinterpret_cast<const sockaddr_in&>(address);
    return {IpAddress::v4(ntohl(in.sin_addr.s_addr)), ntohs(in.sin_port)};
  }
  if (address.sa_family == AF_INET6) {
    const auto& in = reinterpret_cast<const sockaddr_in6&>(address);
    return {IpAddress::v6(in.sin6_addr.s6_addr), ntohs(in.sin6_port)};
  }
  return {};
}

socklen_t IpEndpoint::to_sockaddr(sockaddr_storage& out, bool as_v6) const noexcept {
  std::memset(&out, 0, sizeof(out));
  if (address.is_v4() && !as_v6) {
    auto& in = reinterpret_cast<sockaddr_in&>(out);
    in.sin_family = AF_INET;
    in.sin_port = htons(port);
    std::memcpy(&in.sin_addr, address.mapped().data() + 12, 4);
    return sizeof(sockaddr_in);
  }
  auto& in = reinterpret_cast<sockaddr_in6&>(out);
  in.sin6_family = AF_INET6;
  in.sin6_port = htons(port);
  std::memcpy(&in.sin6_addr, address.mapped().data(), 16);
  return sizeof(sockaddr_in6);
}

std::string IpEndpoint::to_string() const {
  const std::string host = address.to_string();
  return (address.is_v4() ? host : "[" + host + "]") + ":" + std::to_string(port);
}

}  // namespace rampart::base
