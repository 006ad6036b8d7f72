#include "resolver/upstream_spec.h"

#include <charconv>

#include "resolver/dns_stamp.h"
#include "resolver/upstream_set.h"

namespace rampart::resolver {
namespace {

using Parsed = base::Result<UpstreamSpec, std::string>;

base::Error<std::string> error(std::string text) { return base::Error{std::move(text)}; }

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (text.substr(0, prefix.size()) != prefix) return false;
  text.remove_prefix(prefix.size());
  return true;
}

/// Labels of letters, digits and inner hyphens; no final dot, no underscore.
bool is_host_name(std::string_view host) {
  if (host.empty() || host.size() > 253) return false;
  std::size_t label = 0;
  char last = '.';
  for (const char c : host) {
    const bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (c == '.') {
      if (last == '.' || last == '-') return false;
      label = 0;
    } else if (alnum || (c == '-' && last != '.')) {
      if (++label > 63) return false;
    } else {
      return false;
    }
    last = c;
  }
  return last != '.' && last != '-';
}

bool parse_port(std::string_view text, std::uint16_t& port) {
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), port);
  return ec == std::errc{} && end == text.data() + text.size() && !text.empty();
}

/// Splits `host[:port]`, where an IPv6 address may stand bare (then without port) or in brackets.
bool split_host_port(std::string_view text, std::string_view& host, std::string_view& port, bool& has_port) {
  has_port = false;
  if (!text.empty() && text.front() == '[') {
    const auto close = text.find(']');
    if (close == std::string_view::npos) return false;
    host = text.substr(1, close - 1);
    text.remove_prefix(close + 1);
    if (text.empty()) return base::IpAddress::parse(host).has_value();
    if (text.front() != ':') return false;
    port = text.substr(1);
    has_port = true;
    return base::IpAddress::parse(host).has_value();
  }
  host = text;
  const auto colon = text.find(':');
  if (colon == std::string_view::npos || text.find(':', colon + 1) != std::string_view::npos) return true;
  host = text.substr(0, colon);
  port = text.substr(colon + 1);
  has_port = true;
  return true;
}

}  // namespace

Parsed parse_upstream(std::string_view text) {
  if (text.substr(0, 7) == "sdns://") return parse_dns_stamp(text);
  const std::string whole(text);
  UpstreamSpec spec;
  if (const auto hash = text.find('#'); hash != std::string_view::npos) {
    spec.common_name = text.substr(hash + 1);
    text = text.substr(0, hash);
  }
  if (take_prefix(text, "tcp+udp:")) {
    spec.protocol = UpstreamProtocol::kClassic;
  } else if (take_prefix(text, "tcp-tls:")) {
    spec.protocol = UpstreamProtocol::kDot;
  } else if (take_prefix(text, "https:")) {
    spec.protocol = UpstreamProtocol::kDoh;
    take_prefix(text, "//");
  } else if (take_prefix(text, "quic:")) {
    spec.protocol = UpstreamProtocol::kDoq;
    take_prefix(text, "//");
  } else {
    for (const std::string_view wrong : {"tcp:", "udp:", "tls:", "http:"}) {
      if (text.substr(0, wrong.size()) != wrong) continue;
      const bool secure = wrong == "tls:";
      return error("'" + whole + "' has the unknown protocol '" + std::string(wrong) + "'; write " +
                   (secure ? "tcp-tls:" : wrong == "http:" ? "https:" : "tcp+udp:") +
                   " (known are tcp+udp:, tcp-tls:, https: and quic:)");
    }
  }
  if (const auto slash = text.find('/'); slash != std::string_view::npos) {
    spec.path = text.substr(slash);
    text = text.substr(0, slash);
  }
  std::string_view host, port;
  bool has_port = false;
  if (!split_host_port(text, host, port, has_port)) return error("wrong host name '" + std::string(text) + "'");
  spec.port = default_port(spec.protocol);
  if (has_port && !parse_port(port, spec.port)) {
    return error("'" + whole + "' has the port '" + std::string(port) + "'; it must be a number from 0 to 65535");
  }
  if (!base::IpAddress::parse(host) && !is_host_name(host)) {
    return error("wrong host name '" + std::string(host) +
                 "'; write an IP address or a host name of letters, digits and hyphens");
  }
  spec.host = host;
  return spec;
}

}  // namespace rampart::resolver
