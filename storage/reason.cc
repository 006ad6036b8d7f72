#include "storage/reason.h"

namespace rampart::storage {

ResponseType response_type(Reason reason) noexcept {
  switch (reason) {
    case Reason::kResolved: return ResponseType::kResolved;
    case Reason::kCached:
    case Reason::kCachedNegative:
    case Reason::kCachedStale: return ResponseType::kCached;
    case Reason::kBlocked:
    case Reason::kBlockedCname:
    case Reason::kBlockedIp:
    case Reason::kBlockedTarget:
    case Reason::kBlockedAllowlistOnly: return ResponseType::kBlocked;
    case Reason::kFilteredType: return ResponseType::kFiltered;
    case Reason::kNotFqdn: return ResponseType::kNotFqdn;
    case Reason::kSpecialUse:
    case Reason::kServerIdentity:
    case Reason::kRefusedClass:
    case Reason::kRefusedType:
    case Reason::kMinimalAny:
    case Reason::kHealthcheck: return ResponseType::kSpecial;
    case Reason::kCustomDns: return ResponseType::kCustomDns;
    case Reason::kHostsFile: return ResponseType::kHostsFile;
    case Reason::kConditional: return ResponseType::kConditional;
    case Reason::kRebinding: return ResponseType::kRebind;
    case Reason::kSynthesized: return ResponseType::kSynthesized;
    case Reason::kBogus: return ResponseType::kBogus;
    case Reason::kMalformed:
    case Reason::kUpstreamFailed:
    case Reason::kOverload: return ResponseType::kError;
    case Reason::kRateLimited: return ResponseType::kDropped;
  }
  return ResponseType::kError;
}

std::string_view to_text(ResponseType type) noexcept {
  switch (type) {
    case ResponseType::kResolved: return "RESOLVED";
    case ResponseType::kCached: return "CACHED";
    case ResponseType::kBlocked: return "BLOCKED";
    case ResponseType::kConditional: return "CONDITIONAL";
    case ResponseType::kCustomDns: return "CUSTOMDNS";
    case ResponseType::kHostsFile: return "HOSTSFILE";
    case ResponseType::kFiltered: return "FILTERED";
    case ResponseType::kNotFqdn: return "NOTFQDN";
    case ResponseType::kSpecial: return "SPECIAL";
    case ResponseType::kSynthesized: return "SYNTHESIZED";
    case ResponseType::kRebind: return "REBIND";
    case ResponseType::kBogus: return "BOGUS";
    case ResponseType::kError: return "ERROR";
    case ResponseType::kDropped: return "DROPPED";
  }
  return "";
}

std::string_view to_text(Reason reason) noexcept {
  switch (reason) {
    case Reason::kResolved: return "RESOLVED";
    case Reason::kCached: return "CACHED";
    case Reason::kCachedNegative: return "CACHED NEGATIVE";
    case Reason::kCachedStale: return "CACHED STALE";
    case Reason::kBlocked: return "BLOCKED";
    case Reason::kBlockedCname: return "BLOCKED CNAME";
    case Reason::kBlockedIp: return "BLOCKED IP";
    case Reason::kBlockedTarget: return "BLOCKED TARGET";
    case Reason::kBlockedAllowlistOnly: return "BLOCKED (ALLOWLIST ONLY)";
    case Reason::kFilteredType: return "FILTERED";
    case Reason::kNotFqdn: return "NOTFQDN";
    case Reason::kSpecialUse: return "Special-Use Domain Name";
    case Reason::kCustomDns: return "CUSTOM DNS";
    case Reason::kHostsFile: return "HOSTS FILE";
    case Reason::kConditional: return "CONDITIONAL";
    case Reason::kRebinding: return "REBIND (rebinding protection)";
    case Reason::kSynthesized: return "DNS64";
    case Reason::kBogus: return "DNSSEC validation failed: bogus signatures";
    case Reason::kServerIdentity: return "SERVER IDENTITY";
    case Reason::kRefusedClass: return "CLASS REFUSED";
    case Reason::kRefusedType: return "TYPE REFUSED";
    case Reason::kMinimalAny: return "MINIMAL ANY";
    case Reason::kHealthcheck: return "HEALTHCHECK";
    case Reason::kMalformed: return "MALFORMED QUERY";
    case Reason::kUpstreamFailed: return "UPSTREAMS FAILED";
    case Reason::kOverload: return "OVERLOAD";
    case Reason::kRateLimited: return "RATE LIMITED";
  }
  return "";
}

}  // namespace rampart::storage
