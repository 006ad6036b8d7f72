// Responses that we make up ourselves: blocks, special-use names, refusals. Each writes a whole message into the
// caller's buffer and returns its length.
#pragma once

#include "base/bytes.h"
#include "dns/query_view.h"
#include "dns/types.h"
#include "resolver/policy.h"
#include "resolver/query_context.h"
#include "resolver/special_use.h"

namespace rampart::resolver {

/// An extended error to attach if the client speaks EDNS; `code` kOther attaches nothing.
struct ExtendedError {
  dns::EdeCode code = dns::EdeCode::kOther;
  std::string_view text;
};

/// The error to attach where `ede.enable` is set, else none.
[[nodiscard]] inline ExtendedError extended(const PolicySnapshot& policy, dns::EdeCode code,
                                            std::string_view text) noexcept {
  return policy.extended_errors ? ExtendedError{code, text} : ExtendedError{};
}

/// Blocky's block answers: A and AAAA by `answer`, every other type NXDOMAIN; kNxDomain carries a SOA so that
/// the negative answer can be cached (RFC 2308 3). Sets context.rcode.
std::size_t write_block(QueryContext& context, const BlockAnswer& answer, std::uint32_t ttl,
                        const ExtendedError& error, base::MutableBytes out) noexcept;

std::size_t write_special_use(QueryContext& context, SpecialUse use, const ExtendedError& error,
                              base::MutableBytes out) noexcept;

/// No records, the given RCODE. Sets context.rcode.
std::size_t write_empty(QueryContext& context, dns::Rcode rcode, const ExtendedError& error,
                        base::MutableBytes out) noexcept;

/// One TXT record in the class of the question (version.bind and relatives).
std::size_t write_text(QueryContext& context, std::string_view text, base::MutableBytes out) noexcept;

/// The single response to ANY (RFC 8482 4.2): HINFO "RFC8482" "".
std::size_t write_minimal_any(QueryContext& context, base::MutableBytes out) noexcept;

}  // namespace rampart::resolver
