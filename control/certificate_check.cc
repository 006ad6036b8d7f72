#include "control/certificate_check.h"

#include <algorithm>

#include "control/tls_identity.h"

namespace rampart::control {

void check_certificate(const Config& config, const ConfigPlaces& places, Findings& findings) {
  if (config.cert_file.empty() || config.key_file.empty()) return;
  if (config.ports.https.empty() && config.api.https.empty()) return;
  const auto identity = TlsIdentity::load({config.cert_file, config.key_file, TlsFloor::k12});
  if (identity) return;
  const std::string& error = identity.error();  // certFile '…' …, or keyFile '…' …
  const std::string key = error.substr(0, error.find(' '));
  findings.fault(places.of(key), key, error.substr(std::min(key.size() + 1, error.size())));
}

}  // namespace rampart::control
