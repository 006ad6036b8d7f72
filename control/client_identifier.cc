#include "control/client_identifier.h"

#include "base/glob.h"
#include "control/config_findings.h"

namespace rampart::control {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

std::string_view trimmed(std::string_view text) {
  static constexpr std::string_view kBlanks = " \t\r\n";
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) + 1 - first);
}

/// No name of a client is only digits and dots, and none has a `/` or the form of an IPv6 address.
bool is_meant_as_address(std::string_view text) {
  constexpr auto npos = std::string_view::npos;
  if (text.find('/') != npos) return true;
  if (text.find(':') != npos)
    return text.substr(0, text.find('%')).find_first_not_of("0123456789abcdef:.-") == npos;
  return text.find('.') != npos && text.find_first_of("0123456789") != npos &&
         text.find_first_not_of("0123456789.-, ") == npos;
}

}  // namespace

ClientIdentifier parse_client_identifier(std::string_view text) {
  ClientIdentifier out;
  out.text = lower(text);
  using Kind = ClientIdentifier::Kind;
  if (out.text == "default") {
    out.kind = Kind::kDefault;
  } else if (const auto range = base::IpRange::parse(out.text)) {
    out.kind = out.text.find('/') == std::string::npos ? Kind::kAddress : Kind::kRange;
    out.range = *range;
  } else if (out.text.find_first_of("*?[\\") != std::string::npos) {
    out.kind = Kind::kGlob;
  } else if (trimmed(out.text) != out.text || is_meant_as_address(out.text)) {
    out.kind = Kind::kMistyped;
  }
  return out;
}

std::string doubt_about(const ClientIdentifier& client) {
  using Kind = ClientIdentifier::Kind;
  if (client.kind == Kind::kGlob && !base::is_glob_well_formed(client.text))
    return "the pattern " + quoted(client.text) + " is malformed and matches no client; close its brackets";
  if (trimmed(client.text) != client.text)
    return quoted(client.text) + " has blanks around it, which names of clients have not; remove them";
  if (client.kind == Kind::kMistyped)
    return quoted(client.text) +
           " is no IP address or range, so it is compared with names of clients only; write 192.0.2.7, "
           "192.0.2.0/24 or 2001:db8::/32, and several of these as keys of their own";
  return {};
}

std::vector<ClientIdentifier> parse_client_identifiers(std::string_view key) {
  std::vector<ClientIdentifier> out;
  for (std::size_t from = 0;;) {
    const auto comma = key.find(',', from);
    out.push_back(parse_client_identifier(key.substr(from, comma - from)));
    if (comma == std::string_view::npos) return out;
    from = comma + 1;
  }
}

}  // namespace rampart::control
