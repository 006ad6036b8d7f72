#include "control/api_address.h"

#include <charconv>
#include <cstdlib>

namespace rampart::control {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : value;
}

bool take_scheme(std::string_view& text, std::string_view scheme) {
  if (!text.starts_with(scheme)) return false;
  text.remove_prefix(scheme.size());
  return true;
}

/// The token stays: it belongs to the user, not to the place.
void move_to(ApiAddress& address, ApiAddress place) {
  place.token = std::move(address.token);
  address = std::move(place);
}

base::Status follow_flags(ApiAddress& address, const ApiFlags& flags) {
  if (!flags.host && !flags.port) return base::Done{};
  ApiAddress place;
  if (flags.host && flags.host->find("://") != std::string::npos) {
    const auto parsed = ApiAddress::parse(*flags.host);
    if (!parsed) return base::Error{"--apiHost is '" + *flags.host + "'; it should be a host, or https://host"};
    place = *parsed;
  } else if (flags.host) {
    place.host = *flags.host;
  }
  if (flags.port) place.port = *flags.port;
  move_to(address, std::move(place));
  return base::Done{};
}

}  // namespace

std::optional<ApiAddress> ApiAddress::parse(std::string_view text) {
  ApiAddress out;
  out.tls = take_scheme(text, "https://");
  if (!out.tls) take_scheme(text, "http://");
  if (!text.empty() && text.back() == '/') text.remove_suffix(1);
  std::string_view port;
  if (!text.empty() && text.front() == '[') {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    out.host = text.substr(1, close - 1);
    port = text.substr(close + 1);
    if (!port.empty() && port.front() != ':') return std::nullopt;
    if (!port.empty()) port.remove_prefix(1);
  } else {
    const std::size_t colon = text.find(':');
    out.host = text.substr(0, colon);
    if (colon != std::string_view::npos) port = text.substr(colon + 1);
  }
  if (out.host.empty() || out.host.find('/') != std::string::npos) return std::nullopt;
  if (!port.empty()) {
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), out.port);
    if (error != std::errc() || end != port.data() + port.size() || out.port == 0) return std::nullopt;
  }
  return out;
}

std::optional<ApiAddress> configured_api_address(const Config& config) {
  const bool apart = !config.api.http.empty() || !config.api.https.empty();
  const auto& plain = apart ? config.api.http : config.ports.http;
  const auto& secure = apart ? config.api.https : config.ports.https;
  if (plain.empty() && secure.empty()) return std::nullopt;
  ApiAddress out;
  out.tls = plain.empty();
  const ListenAddress& listener = out.tls ? secure.front() : plain.front();
  const bool names_host = listener.address ? !listener.address->is_unspecified() : !listener.host.empty();
  if (names_host) out.host = listener.address ? listener.address->to_string() : listener.host;
  out.port = listener.port;
  if (!config.api.tokens.empty()) out.token = config.api.tokens.front().value;
  if (out.tls) {
    out.trust.whom = config.cert_file.empty() ? ApiTrust::Whom::kThisHost : ApiTrust::Whom::kCertificate;
    out.trust.file = config.cert_file;
  }
  return out;
}

base::Result<ApiAddress, std::string> find_api_address(const ApiFlags& flags,
                                                       const std::optional<ApiAddress>& configured) {
  ApiAddress out = configured.value_or(ApiAddress{});
  if (const std::string text = environment("RAMPART_API"); !text.empty()) {
    auto parsed = ApiAddress::parse(text);
    if (!parsed) return base::Error{"RAMPART_API is '" + text + "'; it should be host:port or https://host:port"};
    move_to(out, *std::move(parsed));
  }
  if (const auto followed = follow_flags(out, flags); !followed) return base::Error{followed.error()};
  if (std::string token = environment("RAMPART_API_TOKEN"); !token.empty()) out.token = std::move(token);
  if (!flags.token.empty()) out.token = flags.token;
  // Who asks for a check of certificates must not send the token in the clear because of a forgotten scheme.
  if (!out.tls && (flags.insecure || !flags.ca_file.empty())) {
    return base::Error{std::string(flags.insecure ? "--apiInsecure" : "--apiCaFile") +
                       " is for https, and the API's address is http; give --apiHost https://" + out.host};
  }
  if (std::string file = environment("RAMPART_API_CA_FILE"); !file.empty()) {
    out.trust = {ApiTrust::Whom::kAuthorities, std::move(file)};
  }
  if (!flags.ca_file.empty()) out.trust = {ApiTrust::Whom::kAuthorities, flags.ca_file};
  if (flags.insecure) out.trust = {ApiTrust::Whom::kAnybody, {}};
  return out;
}

}  // namespace rampart::control
