// A checked look at any whole message (upstream responses, cached messages, zone transfers of text tools).
// parse() walks every record once: section bounds, owner names, RDLENGTH and the names inside the RDATA of the
// types we look into are all valid afterwards.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"
#include "dns/name.h"
#include "dns/types.h"

namespace rampart::dns {

enum class MessageError : std::uint8_t {
  kShort,      ///< fewer than 12 octets
  kCounts,     ///< QDCOUNT > 1
  kTruncatedRecord,  ///< the message ends inside a record or the question
  kBadName,    ///< an owner or question name
  kBadRdata,   ///< RDATA of a type we look into is malformed (A, AAAA, CNAME, NS, PTR, MX, SOA, SRV, TXT, SVCB, HTTPS)
  kBadOpt,     ///< more than one OPT, or OPT outside the additional section
  kTrailing,   ///< octets behind the last record
};

enum class Section : std::uint8_t { kAnswer, kAuthority, kAdditional };

/// One resource record; offsets are into the message.
struct RecordView {
  base::ByteView message;
  std::size_t owner_at = 0;   ///< possibly compressed
  std::size_t ttl_at = 0;     ///< of the 4 TTL octets
  std::size_t rdata_at = 0;
  RrType type{};
  RrClass rr_class{};
  std::uint32_t ttl = 0;      ///< RFC 2181 8: values with the top bit set are read as 0
  std::uint16_t rdata_length = 0;
  Section section{};

  [[nodiscard]] base::ByteView rdata() const noexcept { return message.subspan(rdata_at, rdata_length); }
  /// Expands the owner name. Cannot fail on a record of a parsed message.
  [[nodiscard]] Name owner() const noexcept;
  /// The name at the start of the RDATA (CNAME, NS, PTR, DNAME; after the preference for MX, after 6 octets
  /// for SRV, after the priority for SVCB/HTTPS; MNAME for SOA). Root for other types.
  [[nodiscard]] Name rdata_name() const noexcept;
};

class MessageView {
 public:
  /// Validates the whole message. Cost: one pass, no allocation. Spec RFC 1035 4.1, 3597, 6891, 9460.
  [[nodiscard]] static base::Result<MessageView, MessageError> parse(base::ByteView wire) noexcept;

  [[nodiscard]] base::ByteView wire() const noexcept { return wire_; }
  [[nodiscard]] std::uint16_t id() const noexcept { return base::load_u16(wire_.data()); }
  [[nodiscard]] std::uint16_t flags() const noexcept { return base::load_u16(wire_.data() + 2); }
  [[nodiscard]] Opcode opcode() const noexcept { return static_cast<Opcode>((flags() >> 11) & 0xf); }
  /// Extended RCODE: header bits joined with those of the OPT record.
  [[nodiscard]] Rcode rcode() const noexcept { return rcode_; }
  [[nodiscard]] bool is_truncated() const noexcept { return flags() & kFlagTc; }
  [[nodiscard]] bool has_question() const noexcept { return qname_length_ != 0; }
  [[nodiscard]] Name qname() const noexcept;
  [[nodiscard]] RrType qtype() const noexcept { return qtype_; }
  [[nodiscard]] RrClass qclass() const noexcept { return qclass_; }
  [[nodiscard]] std::uint16_t answer_count() const noexcept { return base::load_u16(wire_.data() + 6); }
  [[nodiscard]] std::uint16_t authority_count() const noexcept { return base::load_u16(wire_.data() + 8); }
  [[nodiscard]] std::uint16_t additional_count() const noexcept { return base::load_u16(wire_.data() + 10); }
  [[nodiscard]] bool has_edns() const noexcept { return opt_at_ != 0; }

  /// Calls `visit(const RecordView&)` for each record in order, OPT included; stops early if it returns false.
  template <class Visitor>
  void for_each_record(Visitor&& visit) const {
    RecordCursor cursor = first_record();
    RecordView record;
    while (next_record(cursor, record))
      if (!visit(static_cast<const RecordView&>(record))) return;
  }

 private:
  struct RecordCursor {
    std::size_t at;
    std::uint16_t left[3];
    std::uint8_t section;
  };
  [[nodiscard]] RecordCursor first_record() const noexcept;
  [[nodiscard]] bool next_record(RecordCursor& cursor, RecordView& record) const noexcept;

  base::ByteView wire_;
  std::size_t records_at_ = 0;
  std::size_t opt_at_ = 0;
  std::uint16_t qname_length_ = 0;  ///< as it stands in the message
  RrType qtype_{};
  RrClass qclass_{};
  Rcode rcode_{};
};

/// The answer section of a message that parse() accepted before or that we rendered, without asking all of that
/// again. In any other octets the records end early; nothing outside of them is read.
class AnswerWalk {
 public:
  explicit AnswerWalk(base::ByteView wire) noexcept;
  /// false: there is no further one.
  [[nodiscard]] bool next(RecordView& record) noexcept;

 private:
  base::ByteView wire_;
  std::size_t at_ = 0;
  unsigned left_ = 0;
};

}  // namespace rampart::dns
