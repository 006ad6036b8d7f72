#include "resolver/upstream_set.h"

namespace rampart::resolver {

std::uint16_t default_port(UpstreamProtocol protocol) noexcept {
  switch (protocol) {
    case UpstreamProtocol::kClassic: return 53;
    case UpstreamProtocol::kDot: return 853;
    case UpstreamProtocol::kDoh: return 443;
    case UpstreamProtocol::kDoq: return 853;
  }
  return 53;
}

std::string to_text(const UpstreamSpec& spec) {
  std::string text;
  switch (spec.protocol) {
    case UpstreamProtocol::kClassic: text = "tcp+udp:"; break;
    case UpstreamProtocol::kDot: text = "tcp-tls:"; break;
    case UpstreamProtocol::kDoh: text = "https://"; break;
    case UpstreamProtocol::kDoq: text = "quic:"; break;
  }
  const bool needs_port = spec.port != default_port(spec.protocol);
  const bool bracket = spec.host.find(':') != std::string::npos;  // IPv6, which else would swallow the port
  if (bracket) text += '[';
  text += spec.host;
  if (bracket) text += ']';
  if (needs_port) {
    text += ':';
    text += std::to_string(spec.port);
  }
  text += spec.path;
  return text;
}

}  // namespace rampart::resolver
