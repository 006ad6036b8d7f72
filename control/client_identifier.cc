#include "control/client_identifier.h"

namespace rampart::control {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
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
  }
  return out;
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
