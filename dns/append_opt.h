// Adds our OPT record to a finished message that has none (cached messages are kept without it).
#pragma once

#include <string_view>

#include "base/bytes.h"
#include "dns/types.h"

namespace rampart::dns {

/// Appends an OPT record behind `length` octets of `message` and counts it in ARCOUNT. An EDE option is added
/// when `code` is not kOther; its text is cut to 200 octets.
/// Returns the new length, or 0 if the buffer is too small (the message is then unchanged).
/// Spec RFC 6891 6.1.2, RFC 8914 2.
[[nodiscard]] std::size_t append_opt(base::MutableBytes message, std::size_t length, bool dnssec_ok, Rcode rcode,
                                     EdeCode code, std::string_view text) noexcept;

/// What an edns-tcp-keepalive option takes in a response.
inline constexpr std::size_t kTcpKeepaliveBytes = 6;

/// Says in the OPT record, if one ends the message, how long a connection may be idle, in units of 100 ms.
/// Returns the new length; `length` if the message has no OPT, or no room (for the option, or in 64 KiB).
/// Spec RFC 7828 3.1.
[[nodiscard]] std::size_t append_tcp_keepalive(base::MutableBytes message, std::size_t length,
                                               std::uint16_t timeout_100ms) noexcept;

}  // namespace rampart::dns
