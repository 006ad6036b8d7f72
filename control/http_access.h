// Who may use the REST API: by network, by bearer token, or both. Default: loopback and private networks without a
// token, which is what a Blocky user expects at home, and no more. Also whose forwarding headers are believed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "control/http_message.h"

namespace rampart::control {

enum class ApiScope : std::uint8_t {
  kRead,   ///< status, statistics, metrics, query, explain
  kAdmin,  ///< everything that changes state as well
};

struct ApiAccessOptions {
  /// Empty: loopback and private networks. Without `trusted_proxies` a header can only keep its client out: whoever
  /// sent it has to be allowed as well. `0.0.0.0/0` and `::/0` open it to everybody (said once with a WARN).
  std::vector<base::IpRange> allowed_networks;
  std::vector<std::string> admin_tokens;
  /// Grants ApiScope::kRead. With admin tokens only, reading needs no token, but still an allowed network.
  std::vector<std::string> read_tokens;
  /// Whose `Forwarded` and `X-Forwarded-For` are believed. Empty: loopback and private networks.
  std::vector<base::IpRange> trusted_proxies;
};

enum class AccessDecision : std::uint8_t {
  kGranted,
  kNetworkDenied,  ///< 403
  kProxyDenied,    ///< 403: whoever names this client is neither allowed nor a trusted proxy
  kTokenMissing,   ///< 401: no bearer token, or one that we do not know
  kScopeTooSmall,  ///< 403: a read token for something that changes state
};

/// Pure. The token comparison takes the same time whatever the token.
[[nodiscard]] AccessDecision check_access(const HttpRequest& request, ApiScope needed, const ApiAccessOptions& options);

/// What anybody on the Internet may do.
enum class ApiOpenness : std::uint8_t {
  kClosed,
  kReading,     ///< see who asks for what, and ask: all networks are allowed, and reading needs no token
  kEverything,  ///< change state as well: there is no token at all
};
[[nodiscard]] ApiOpenness openness(const ApiAccessOptions& options);

/// The client behind trusted proxies: from `Forwarded` (`unknown` and `_hidden` are skipped), else from
/// `X-Forwarded-For`, else `peer`. Of a chain it is the right-most address that is no trusted proxy, so a client
/// cannot pass for another by sending the header itself; if all are trusted, the left-most.
[[nodiscard]] base::IpAddress client_address(const HttpHeaders& headers, const base::IpAddress& peer,
                                             const ApiAccessOptions& options);

}  // namespace rampart::control
