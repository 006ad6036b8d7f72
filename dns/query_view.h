// One checked look at a client's message. Only parse() makes a QueryView, and everything that its accessors
// return has been validated, so nothing after it needs to check again.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/result.h"
#include "dns/name.h"
#include "dns/types.h"

namespace rampart::dns {

enum class WireError : std::uint8_t {
  kShort,        ///< fewer than 12 octets: nobody to answer
  kNotQuery,     ///< QR=1: silence, or we would answer answers
  kBadOpcode,    ///< anything but QUERY: NOTIMP
  kBadCounts,    ///< QDCOUNT != 1 (RFC 9619), ANCOUNT or NSCOUNT != 0, ARCOUNT > 2: FORMERR
  kBadName,      ///< qname or OPT owner: label, pointer or length: FORMERR
  kBadEdns,      ///< more than one OPT, OPT owner not root, or options cut short: FORMERR (RFC 6891 6.1.1)
  kTrailing,     ///< the message ends inside the question or a record, or goes on behind the last: FORMERR
  kBadVersion,   ///< EDNS version > 0: BADVERS (RFC 6891 6.1.3)
};

/// EDNS(0) of a query (RFC 6891).
struct EdnsView {
  std::uint16_t udp_payload_bytes = 0;  ///< as sent, not yet clamped
  bool dnssec_ok = false;               ///< DO
  base::ByteView options;               ///< validated sequence of {code, length, data}
  base::ByteView ecs;                   ///< data of the first ECS option that is well formed, else empty
  bool has_tcp_keepalive = false;
  bool has_padding = false;
};

class QueryView {
 public:
  /// Reads the question and EDNS of a query; validates every byte its accessors will return.
  ///
  /// wire     0..65535 bytes, borrowed: must outlive the view.
  /// Returns  a view that cannot fail later, or a WireError. After kBadCounts and later enumerators the
  ///          header is readable by error_response(); kBadVersion also has a readable question.
  /// Cost     one pass, no allocation.   Thread  any.
  /// Spec     RFC 1035 4.1, RFC 6891 6.1, RFC 9619 (one question).
  [[nodiscard]] static base::Result<QueryView, WireError> parse(base::ByteView wire) noexcept;
  /// The same into `query`, for those who keep it: a copy of what was just written costs a wait. Empty if refused.
  [[nodiscard]] static std::optional<WireError> parse(base::ByteView wire,
                                                      std::optional<QueryView>& query) noexcept;

  [[nodiscard]] std::uint16_t id() const noexcept { return base::load_u16(wire_.data()); }
  [[nodiscard]] std::uint16_t flags() const noexcept { return base::load_u16(wire_.data() + 2); }
  [[nodiscard]] bool recursion_desired() const noexcept { return flags() & kFlagRd; }
  [[nodiscard]] bool checking_disabled() const noexcept { return flags() & kFlagCd; }
  [[nodiscard]] bool authentic_data() const noexcept { return flags() & kFlagAd; }
  [[nodiscard]] NameView qname() const noexcept { return NameView(wire_.subspan(kHeaderBytes, qname_length_)); }
  [[nodiscard]] RrType qtype() const noexcept { return qtype_; }
  [[nodiscard]] RrClass qclass() const noexcept { return qclass_; }
  /// qname, qtype and qclass as they stand in the message.
  [[nodiscard]] base::ByteView question() const noexcept { return wire_.subspan(kHeaderBytes, qname_length_ + 4u); }
  [[nodiscard]] bool has_edns() const noexcept { return has_edns_; }
  [[nodiscard]] const EdnsView& edns() const noexcept { return edns_; }
  [[nodiscard]] bool dnssec_ok() const noexcept { return edns_.dnssec_ok; }
  [[nodiscard]] base::ByteView wire() const noexcept { return wire_; }

 private:
  static std::optional<WireError> read(base::ByteView wire, QueryView& query) noexcept;

  base::ByteView wire_;
  EdnsView edns_;
  RrType qtype_{};
  RrClass qclass_{};
  std::uint8_t qname_length_ = 0;
  bool has_edns_ = false;
};

/// Writes the reply to a message that parse() refused, into `out` (at least 512 bytes).
/// Returns its length, 0 for silence (kShort, kNotQuery). The question is echoed where it can be read.
[[nodiscard]] std::size_t error_response(base::ByteView wire, WireError error, base::MutableBytes out) noexcept;

}  // namespace rampart::dns
