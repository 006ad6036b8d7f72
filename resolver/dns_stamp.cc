#include "resolver/dns_stamp.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

#include "resolver/upstream_set.h"

namespace rampart::resolver {
namespace {

/// A stamp holds a few addresses and names; whatever is longer is none.
constexpr std::size_t kStampCharactersMax = 4096;

base::Error<std::string> error(std::string_view why) {
  return base::Error{"the DNS stamp " + std::string(why) + "; copy it again from its source"};
}

int base64url_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '-') return 62;
  if (c == '_') return 63;
  return -1;
}

std::optional<std::string> decode_base64url(std::string_view text) {
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  std::string bytes;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const int value = base64url_value(c);
    if (value < 0) return std::nullopt;
    bits = (bits << 6) | static_cast<std::uint32_t>(value);
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes.push_back(static_cast<char>((bits >> count) & 0xff));
    }
  }
  if (text.size() % 4 == 1) return std::nullopt;
  return bytes;
}

class StampReader {
 public:
  explicit StampReader(std::string_view bytes) : left_(bytes) {}

  std::optional<std::uint8_t> octet() {
    if (left_.empty()) return std::nullopt;
    const auto value = static_cast<std::uint8_t>(left_.front());
    left_.remove_prefix(1);
    return value;
  }
  bool skip(std::size_t count) {
    if (left_.size() < count) return false;
    left_.remove_prefix(count);
    return true;
  }
  /// LP(): a length octet and so many octets. In sets (VLP) bit 7 says that another one follows.
  std::optional<std::string_view> prefixed(bool* more = nullptr) {
    auto length = octet();
    if (!length) return std::nullopt;
    if (more != nullptr) {
      *more = (*length & 0x80) != 0;
      *length &= 0x7f;
    }
    if (left_.size() < *length) return std::nullopt;
    const auto value = left_.substr(0, *length);
    left_.remove_prefix(*length);
    return value;
  }
  [[nodiscard]] bool at_end() const { return left_.empty(); }

 private:
  std::string_view left_;
};

struct HostPort {
  std::string host;
  std::optional<std::uint16_t> port;
};

/// `host`, `host:port`, `[v6]`, `[v6]:port`, `v6`, `:port`.
std::optional<HostPort> split(std::string_view text) {
  HostPort out;
  std::string_view port;
  if (!text.empty() && text.front() == '[') {
    const auto close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    out.host = text.substr(1, close - 1);
    text.remove_prefix(close + 1);
    if (text.empty()) return out;
    if (text.front() != ':') return std::nullopt;
    port = text.substr(1);
  } else {
    const auto colon = text.find(':');
    if (colon == std::string_view::npos || text.find(':', colon + 1) != std::string_view::npos) {
      out.host = text;
      return out;
    }
    out.host = text.substr(0, colon);
    port = text.substr(colon + 1);
  }
  std::uint16_t value = 0;
  const auto [end, ec] = std::from_chars(port.data(), port.data() + port.size(), value);
  if (ec != std::errc{} || end != port.data() + port.size()) return std::nullopt;
  out.port = value;
  return out;
}

void add_ip(UpstreamSpec& spec, const base::IpAddress& ip) {
  if (std::find(spec.ips.begin(), spec.ips.end(), ip) == spec.ips.end()) spec.ips.push_back(ip);
}

const char* unsupported_name(std::uint8_t protocol) {
  switch (protocol) {
    case 0x01: return "DNSCrypt";
    case 0x05: return "ODoH targets";
    case 0x81: return "DNSCrypt relays";
    case 0x85: return "ODoH relays";
    default: return nullptr;
  }
}

}  // namespace

base::Result<UpstreamSpec, std::string> parse_dns_stamp(std::string_view text) {
  if (text.substr(0, 7) != "sdns://") return error("does not begin with sdns://");
  text.remove_prefix(7);
  if (text.size() > kStampCharactersMax) return error("is longer than 4096 characters");
  const auto bytes = decode_base64url(text);
  if (!bytes) return error("is not base64url");
  StampReader reader(*bytes);
  const auto protocol = reader.octet();
  if (!protocol) return error("is empty");
  UpstreamSpec spec;
  switch (*protocol) {
    case 0x00: spec.protocol = UpstreamProtocol::kClassic; break;
    case 0x02: spec.protocol = UpstreamProtocol::kDoh; break;
    case 0x03: spec.protocol = UpstreamProtocol::kDot; break;
    case 0x04: spec.protocol = UpstreamProtocol::kDoq; break;
    default:
      if (const char* name = unsupported_name(*protocol)) {
        return base::Error{std::string("the DNS stamp is for ") + name +
                           ", which is not supported; use a plain, DoT, DoH or DoQ stamp"};
      }
      return error("has an unknown protocol");
  }
  if (!reader.skip(8)) return error("is cut short");  // properties: DNSSEC, no logs, no filter
  const auto address_field = reader.prefixed();
  if (!address_field) return error("is cut short");
  const auto address = split(*address_field);
  if (!address) return error("has a malformed address");
  std::optional<base::IpAddress> ip;
  if (!address->host.empty()) {
    ip = base::IpAddress::parse(address->host);
    if (!ip) return error("has an address that is no IP address");
    add_ip(spec, *ip);
  }
  HostPort provider;
  if (*protocol != 0x00) {
    for (bool more = true; more;) {
      const auto hash = reader.prefixed(&more);
      if (!hash) return error("is cut short");
      if (hash->size() != 32) continue;
      std::memcpy(spec.certificate_hashes.emplace_back().data(), hash->data(), 32);
    }
    const auto provider_field = reader.prefixed();
    if (!provider_field) return error("is cut short");
    const auto parts = split(*provider_field);
    if (!parts) return error("has a malformed host name");
    provider = *parts;
    if (*protocol == 0x02) {
      const auto path = reader.prefixed();
      if (!path) return error("is cut short");
      spec.path = *path;
    }
    if (!reader.at_end()) {  // bootstrap addresses, optional
      for (bool more = true; more;) {
        const auto entry = reader.prefixed(&more);
        if (!entry) return error("is cut short");
        const auto bootstrap = split(*entry);
        const auto bootstrap_ip = bootstrap ? base::IpAddress::parse(bootstrap->host) : std::nullopt;
        if (bootstrap_ip) add_ip(spec, *bootstrap_ip);
      }
    }
  }
  spec.host = provider.host.empty() ? address->host : provider.host;
  if (spec.host.empty()) return error("names neither an address nor a host");
  // The host goes into a TLS handshake and an URL: the same rules as for a written upstream.
  auto plain = parse_upstream(spec.host.find(':') == std::string::npos ? spec.host : "[" + spec.host + "]");
  if (!plain.ok()) return error("has a malformed host name");
  spec.common_name = provider.host;
  spec.port = provider.port ? *provider.port : address->port ? *address->port : default_port(spec.protocol);
  return spec;
}

}  // namespace rampart::resolver
