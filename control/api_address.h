// Where the command line finds the API, and whom it believes to be it. An address that comes from the configuration
// brings its trust along: the certificate that the configuration names is the one that must be shown, whatever host
// name it was made for; one that the server makes up at each start can be known to nobody, so it is believed only
// where the connection does not leave this host. Addresses from flags or environment are held to the system's
// authorities or to a file of the user's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "control/config.h"

namespace rampart::control {

struct ApiTrust {
  enum class Whom : std::uint8_t {
    kAuthorities,  ///< of the system, or of `file` where it is set; the certificate must be for the host
    kCertificate,  ///< exactly the first one in `file`
    kThisHost,     ///< any, on a connection from an address to itself
    kAnybody,
  };
  Whom whom = Whom::kAuthorities;
  std::string file;  ///< PEM
  friend bool operator==(const ApiTrust&, const ApiTrust&) = default;
};

struct ApiAddress {
  std::string host = "localhost";
  std::uint16_t port = 4000;
  std::string token;  ///< sent as bearer token; empty: none
  bool tls = false;
  ApiTrust trust;  ///< with `tls`

  /// `host`, `host:port`, `[2001:db8::1]:port`, each with or without `http://` or `https://`; nullopt for all else.
  [[nodiscard]] static std::optional<ApiAddress> parse(std::string_view text);
};

/// Of a server with this configuration: the first plain listener of the API, else the first with TLS; or nullopt.
[[nodiscard]] std::optional<ApiAddress> configured_api_address(const Config& config);

/// What flags say; unset where they were not given.
struct ApiFlags {
  std::optional<std::string> host;  ///< alone, or as a URL
  std::optional<std::uint16_t> port;
  std::string token, ca_file;
  bool insecure = false;
};

/// Flags before environment (RAMPART_API, RAMPART_API_TOKEN, RAMPART_API_CA_FILE) before configuration. Errors name
/// what cannot be used.
[[nodiscard]] base::Result<ApiAddress, std::string> find_api_address(const ApiFlags& flags,
                                                                     const std::optional<ApiAddress>& configured);

}  // namespace rampart::control
