// The bytes that go to an upstream, and the first check of what comes back. EDNS is hop by hop: the OPT record
// is our own (RFC 6891 6.1.1), and carries no option of the client but ECS where that is configured.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "dns/types.h"

namespace rampart::resolver {

/// Queries over TLS are padded to a multiple of this (RFC 8467 4.1).
inline constexpr std::size_t kQueryPaddingBytes = 128;
/// Header, longest name, type and class, OPT, ECS (306 octets), padded.
inline constexpr std::size_t kUpstreamQueryBytesMax = 3 * kQueryPaddingBytes;
static_assert(12 + 255 + 4 + 11 + 4 + 20 + 4 <= kUpstreamQueryBytesMax);

struct UpstreamQuestion {
  base::ByteView name;  ///< lower-cased wire format
  dns::RrType qtype;
  dns::RrClass qclass;
  bool dnssec_ok;
  bool checking_disabled;
  base::ByteView ecs;
};

struct UpstreamQueryForm {
  std::uint16_t id;
  /// 0x20: bit i (mod 64) says that octet i of the name, if a letter, is upper case. 0: all lower case.
  std::uint64_t upper_case;
  bool with_edns;
  bool padded = false;  ///< needs EDNS
};

/// Writes the query into `out` (at least kUpstreamQueryBytesMax) and returns its length.
[[nodiscard]] std::size_t write_upstream_query(const UpstreamQuestion& question, const UpstreamQueryForm& form,
                                               base::MutableBytes out) noexcept;

enum class QuestionMatch : std::uint8_t {
  kExact,
  kCaseFolded,  ///< the question we asked, in other letter case
  kAbsent,      ///< no question section, on an error response (some servers answer FORMERR so)
  kDifferent,   ///< another question, not a response, or too short
};

/// Compares a message of at least 12 octets with what was asked.
[[nodiscard]] QuestionMatch match_question(base::ByteView message, const UpstreamQuestion& question,
                                           std::uint64_t upper_case) noexcept;

}  // namespace rampart::resolver
