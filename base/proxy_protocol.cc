#include "base/proxy_protocol.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <string_view>

namespace rampart::base {
namespace {

constexpr std::uint8_t kSignature[12] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};
constexpr std::string_view kTextStart = "PROXY ";

constexpr ProxyHeader kInvalidHeader{ProxyParse::kInvalid, 0, std::nullopt};
constexpr ProxyHeader kIncompleteHeader{ProxyParse::kNeedMore, 0, std::nullopt};

std::string_view next_word(std::string_view& rest) noexcept {
  const std::size_t end = rest.find(' ');
  const std::string_view word = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return word;
}

std::optional<std::uint16_t> port(std::string_view text) noexcept {
  std::uint16_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Version 1: `PROXY TCP4 source destination source-port destination-port\r\n`.
ProxyHeader parse_text(std::string_view received) noexcept {
  const std::string_view window = received.substr(0, kProxyLineBytesMax);
  const std::size_t end = window.find('\n');
  if (end == std::string_view::npos) return received.size() < kProxyLineBytesMax ? kIncompleteHeader : kInvalidHeader;
  if (window[end - 1] != '\r') return kInvalidHeader;
  std::string_view line = window.substr(kTextStart.size(), end - 1 - kTextStart.size());
  ProxyHeader header{ProxyParse::kComplete, end + 1, std::nullopt};
  const std::string_view family = next_word(line);
  if (family == "UNKNOWN") return header;  // whatever follows is to be ignored
  if (family != "TCP4" && family != "TCP6") return kInvalidHeader;
  const auto source = IpAddress::parse(next_word(line));
  const auto destination = IpAddress::parse(next_word(line));
  const auto source_port = port(next_word(line));
  const auto destination_port = port(next_word(line));
  if (!source || !destination || !source_port || !destination_port || !line.empty()) return kInvalidHeader;
  if (family == "TCP4" && !source->is_v4()) return kInvalidHeader;
  header.source = IpEndpoint{*source, *source_port};
  return header;
}

/// Version 2: signature, version and command, family and transport, length, addresses, TLVs (ignored).
ProxyHeader parse_binary(ByteView received) noexcept {
  if (received.size() < 16) return kIncompleteHeader;
  if ((received[12] >> 4) != 2) return kInvalidHeader;
  const std::uint8_t command = received[12] & 0x0f;
  if (command > 1) return kInvalidHeader;
  const std::size_t length = load_u16(received.data() + 14);
  const std::size_t total = 16 + length;
  if (total > kProxyHeaderBytesMax) return kInvalidHeader;
  const std::uint8_t family = received[13] >> 4;
  constexpr std::uint8_t kInet = 1, kInet6 = 2, kUnix = 3;
  if (family > kUnix || (received[13] & 0x0f) > 2) return kInvalidHeader;
  if (command == 1 && ((family == kInet && length < 12) || (family == kInet6 && length < 36))) return kInvalidHeader;
  if (received.size() < total) return kIncompleteHeader;
  ProxyHeader header{ProxyParse::kComplete, total, std::nullopt};
  if (command == 0) return header;  // LOCAL: a check by the balancer itself
  if (family == kInet) {
    header.source = IpEndpoint{IpAddress::v4(received.data() + 16), load_u16(received.data() + 24)};
  } else if (family == kInet6) {
    header.source = IpEndpoint{IpAddress::v6(received.data() + 16), load_u16(received.data() + 48)};
  }
  return header;
}

}  // namespace

ProxyHeader parse_proxy_header(ByteView received) noexcept {
  const std::size_t binary_seen = std::min(received.size(), sizeof(kSignature));
  if (binary_seen > 0 && std::memcmp(received.data(), kSignature, binary_seen) == 0) {
    return binary_seen < sizeof(kSignature) ? kIncompleteHeader : parse_binary(received);
  }
  const std::string_view text = as_text(received);
  const std::size_t text_seen = std::min(text.size(), kTextStart.size());
  if (text.substr(0, text_seen) != kTextStart.substr(0, text_seen)) return kInvalidHeader;
  return text_seen < kTextStart.size() ? kIncompleteHeader : parse_text(text);
}

}  // namespace rampart::base
