// Text forms for people: mnemonics of types, classes, RCODEs, and records in presentation format
// (RFC 1035 5.1, RFC 3597 5 for unknown types, RFC 9460 for SVCB/HTTPS). Not for the query path.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "dns/message_view.h"
#include "dns/types.h"

namespace rampart::dns {

/// "A", "HTTPS", ...; "TYPE1234" for those without a mnemonic.
[[nodiscard]] std::string to_text(RrType type);
/// The registered mnemonic, or "" without one; text that lives for ever.
[[nodiscard]] std::string_view mnemonic(RrType type) noexcept;
[[nodiscard]] std::string_view mnemonic(Rcode rcode) noexcept;
/// Exact upper-case mnemonic as IANA registers it; "TYPE1234" only if `allow_generic`.
[[nodiscard]] std::optional<RrType> parse_rr_type(std::string_view text, bool allow_generic = true);
/// "NOERROR", "NXDOMAIN", ...; "RCODE123" for those without a mnemonic.
[[nodiscard]] std::string to_text(Rcode rcode);
[[nodiscard]] std::string to_text(RrClass rr_class);
/// RDATA in presentation format, names with final dot; RFC 3597 5 (`\# 2 abcd`) for types that we do not know
/// and for RDATA that is not what its type says.
[[nodiscard]] std::string rdata_text(const RecordView& record);
/// The whole record: owner, TTL, class, type and RDATA, separated by tabs.
[[nodiscard]] std::string record_text(const RecordView& record);
/// The answer section as Blocky prints it in logs and API: `A (192.0.2.1), CNAME (target.)`; other types as
/// the whole record in presentation format.
[[nodiscard]] std::string answer_text(const MessageView& message);
/// The same of a message that was accepted or rendered before, behind what is in `out`. Addresses, the usual case,
/// allocate nothing; of other octets what looks like records is printed.
void append_answer_text(std::string& out, base::ByteView message);

}  // namespace rampart::dns
