// What a cache and a rewriter do to whole messages: take out what belongs to one hop (OPT, TSIG), find the
// TTLs, take out what a client did not ask for (DNSSEC records). Compression pointers only lead backwards, so
// the head of a message may be kept as it is, but whatever moves is written anew.
#pragma once

#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "base/result.h"
#include "dns/message_view.h"

namespace rampart::dns {

enum class EditError : std::uint8_t {
  kNoRoom,       ///< the result does not fit into the buffer
  kTooManyTtls,  ///< more records than places for their TTL offsets
};

struct StrippedMessage {
  std::size_t length = 0;     ///< octets of the result
  std::size_t ttl_count = 0;  ///< entries of `ttl_offsets` in use
};

/// Copies `message` without its OPT record into `out`, and reports where each TTL stands in the copy. Records
/// behind the OPT record, and a TSIG or SIG(0) without one, are dropped too: they would move, and in the
/// additional section they are optional. The upper RCODE bits leave with the OPT record; keep message.rcode().
///
/// out      must not overlap the message; the message's own length is always enough.
/// Cost     one walk, no allocation.   Thread  any.
[[nodiscard]] base::Result<StrippedMessage, EditError> strip_opt_and_collect_ttls(
    const MessageView& message, base::MutableBytes out, std::span<std::uint16_t> ttl_offsets) noexcept;

/// Copies `message` into `out` without RRSIG, DNSKEY, DS, NSEC and NSEC3 records, those of type `qtype` excepted
/// (all stay if it is ANY), for a client that did not set DO (RFC 4035 3.2.1). OPT stays as it is; a TSIG, which
/// would no longer verify, goes. If nothing is to go, the copy is exact; otherwise the records are written anew,
/// with names compressed as a response's are, and the result may be longer than the original.
///
/// out      must not overlap the message.
/// Returns  the length of the result, or kNoRoom.
[[nodiscard]] base::Result<std::size_t, EditError> strip_dnssec_records(const MessageView& message, RrType qtype,
                                                                       base::MutableBytes out) noexcept;

/// Copies `message` into `out` with another name in its question, and as the owner of each record whose owner was the
/// name of the question; names inside RDATA stay. Records are written anew; a TSIG goes.
///
/// message  has a question.   out  must not overlap the message.
/// Returns  the length of the result, or kNoRoom.
[[nodiscard]] base::Result<std::size_t, EditError> rename_question(const MessageView& message, NameView to,
                                                                  base::MutableBytes out) noexcept;

/// Copies `message` into `out` without the SvcParam `key` (not `mandatory`) of its SVCB and HTTPS records, and
/// without its mention among their mandatory keys (RFC 9460 8). What was changed is signed no more: signatures over
/// records of such a type go, and so does AD. Records are written anew; a TSIG goes.
///
/// out      must not overlap the message.
/// Returns  the length of the result; 0: no record has the parameter, and nothing was written; or kNoRoom.
[[nodiscard]] base::Result<std::size_t, EditError> remove_svc_param(const MessageView& message, std::uint16_t key,
                                                                   base::MutableBytes out) noexcept;

}  // namespace rampart::dns
