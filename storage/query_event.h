// What one answered query leaves behind for the log: a fixed head, then variable parts, written as one record
// into the worker's ring. The worker only copies octets; all formatting is the writer thread's.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/ip_address.h"
#include "dns/types.h"
#include "storage/reason.h"

namespace rampart::storage {

/// How a rule matched, so that its text can be rebuilt from the name: `name`, `*.name`, `/regex/`, address.
enum class MatchKind : std::uint8_t { kExact, kWildcard, kRegex, kAddress };

/// Fixed head of a record. The parts follow in this order, with the lengths given here.
struct QueryEventHead {
  std::int64_t start_unix_us = 0;     ///< arrival, microseconds since the Unix epoch
  std::uint32_t duration_us = 0;
  base::IpAddress client;
  std::uint16_t qtype = 0;
  std::uint16_t rcode = 0;
  Reason reason{};
  std::uint8_t protocol = 0;          ///< 0 UDP, 1 TCP, 2 TLS, 3 HTTPS
  std::uint8_t match_count = 0;       ///< of EventMatch parts inside `detail`
  std::uint8_t name_count = 0;        ///< client names inside `client_names`
  std::uint16_t client_names_length = 0;  ///< names joined by '\n'
  std::uint16_t detail_length = 0;    ///< upstream text for kResolved and kConditional; EventMatch parts for blocks
  std::uint16_t question_length = 0;  ///< qname in wire format as the client sent it
  std::uint16_t response_length = 0;  ///< the whole response message, or 0 when none was sent
};

/// One matched group inside `detail`: this head, then the group's name, `rule_length` octets of rule text, and
/// `$dnstype=...` of a rule for some query types only. The rule text is for kRegex the pattern, for kAddress the
/// text; for kExact and kWildcard empty when the rule is a suffix of the qname that starts `labels_skipped` labels
/// from its left, otherwise (CNAME targets) the name itself as text.
struct EventMatch {
  MatchKind kind{};
  std::uint8_t labels_skipped = 0;
  std::uint8_t group_length = 0;
  std::uint8_t rule_length = 0;
  std::uint8_t types_length = 0;
};

}  // namespace rampart::storage
