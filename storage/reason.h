// Why a query got its answer: one typed value that feeds extended errors, query log, metrics, statistics and
// `explain` alike. ResponseType is Blocky's coarse class, under Blocky's names.
#pragma once

#include <cstdint>
#include <string_view>

namespace rampart::storage {

enum class ResponseType : std::uint8_t {
  kResolved, kCached, kBlocked, kConditional, kCustomDns, kHostsFile, kFiltered, kNotFqdn, kSpecial,
  kSynthesized, kRebind, kBogus,
  kError,    ///< no answer could be had: SERVFAIL of our own making
  kDropped,  ///< deliberately not answered (rate limit)
};
inline constexpr std::size_t kResponseTypeCount = 14;

enum class Reason : std::uint8_t {
  kResolved,              ///< an upstream's answer; detail: the upstream
  kCached,                ///< cache, NOERROR
  kCachedNegative,        ///< cache, other RCODE
  kCachedStale,           ///< expired entry served because the upstreams failed (RFC 8767)
  kBlocked,               ///< query name on a denylist; detail: the matches
  kBlockedCname,          ///< CNAME target on a denylist
  kBlockedIp,             ///< answer address on a denylist
  kBlockedTarget,         ///< SVCB/HTTPS target or hint on a denylist
  kBlockedAllowlistOnly,  ///< client has an allowlist-only group and the name is not on it
  kFilteredType,          ///< query type filtered by configuration
  kNotFqdn,               ///< single label and fqdnOnly
  kSpecialUse,            ///< RFC 6761 and relatives
  kCustomDns, kHostsFile, kConditional, kRebinding, kSynthesized, kBogus,
  kServerIdentity,        ///< version.bind and friends
  kRefusedClass,          ///< a class other than IN
  kRefusedType,           ///< a meta type that a forwarder must not pass on (AXFR, IXFR, TKEY, ...)
  kMinimalAny,            ///< ANY answered with one record (RFC 8482)
  kHealthcheck,           ///< healthcheck.blocky and below; bypasses log and metrics
  kMalformed,             ///< FORMERR, NOTIMP or BADVERS
  kUpstreamFailed,        ///< every upstream timed out or failed
  kOverload,              ///< a bound of our own was reached
  kRateLimited,
};
inline constexpr std::size_t kReasonCount = 27;

[[nodiscard]] ResponseType response_type(Reason reason) noexcept;
/// Blocky's name: "RESOLVED", "CACHED", "BLOCKED", "CUSTOMDNS", "HOSTSFILE", "NOTFQDN", ...
[[nodiscard]] std::string_view to_text(ResponseType type) noexcept;
/// Blocky's reason text without details: "CACHED", "CACHED NEGATIVE", "BLOCKED", "Special-Use Domain Name", ...
[[nodiscard]] std::string_view to_text(Reason reason) noexcept;

}  // namespace rampart::storage
