// Writes a response into a caller's buffer, without allocation: header, question echoed with the client's
// case, records, OPT. Owner names equal to the qname become a pointer to offset 12; other names are
// compressed against those already written (RFC 1035 4.1.4), in old types' RDATA only (RFC 3597 4).
// When a record does not fit, it is undone, and finish() sets TC and drops the records; a missing record of the
// additional section is no truncation (RFC 2181 9). Records are added in the order of their sections.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.h"
#include "dns/message_view.h"
#include "dns/name.h"
#include "dns/name_compressor.h"
#include "dns/query_view.h"
#include "dns/types.h"

namespace rampart::dns {

class ResponseWriter {
 public:
  /// Starts a response to `query` in `out`; `out` holds at least 512 bytes. Sets QR, RA, copies ID, opcode,
  /// RD and CD. `size_limit` is the largest message the client accepts on this transport.
  ResponseWriter(const QueryView& query, base::MutableBytes out, std::size_t size_limit) noexcept;

  void set_rcode(Rcode rcode) noexcept { rcode_ = rcode; }
  void set_flag(std::uint16_t flag, bool on) noexcept;

  /// Each returns false when the record did not fit; the message then ends before it and TC will be set.
  bool add_a(std::uint32_t ttl, const std::uint8_t octets[4]) noexcept;      ///< owner = qname
  bool add_aaaa(std::uint32_t ttl, const std::uint8_t octets[16]) noexcept;  ///< owner = qname
  bool add_record(Section section, NameView owner, RrType type, RrClass rr_class, std::uint32_t ttl,
                  base::ByteView rdata) noexcept;  ///< RDATA is copied as it is, without compressed names
  struct Soa {
    NameView mname, rname;
    std::uint32_t serial, refresh, retry, expire, minimum;
  };
  bool add_soa(NameView owner, std::uint32_t ttl, const Soa& soa) noexcept;  ///< into the authority section
  bool add_txt(RrClass rr_class, std::uint32_t ttl, std::string_view text) noexcept;  ///< owner = qname, <= 255

  /// EDE and other options go into the OPT record, which is written only if the query had one.
  void add_ede(EdeCode code, std::string_view extra_text) noexcept;  ///< text cut to 200 bytes on a UTF-8 boundary
  void add_tcp_keepalive(std::uint16_t timeout_100ms) noexcept;      ///< RFC 7828

  /// Completes counts, flags and OPT; returns the message's length.
  [[nodiscard]] std::size_t finish() noexcept;

 private:
  /// Where a record began, to undo it.
  struct Mark {
    std::size_t at;
    std::size_t names;
  };
  bool begin_record(Section section, NameView owner, RrType type, RrClass rr_class, std::uint32_t ttl,
                    std::size_t rdata_length) noexcept;
  bool put_name(NameView name) noexcept { return names_.put(name, at_, limit_); }
  [[nodiscard]] Mark mark() const noexcept { return {at_, names_.mark()}; }
  void put_fixed(RrType type, RrClass rr_class, std::uint32_t ttl, std::size_t rdata_length) noexcept;
  bool add_address(RrType type, std::uint32_t ttl, const std::uint8_t* octets, std::size_t length) noexcept;
  bool commit(Section section) noexcept;
  bool undo(Mark mark, Section section) noexcept;
  [[nodiscard]] std::size_t room() const noexcept { return limit_ - at_; }

  const QueryView& query_;
  base::MutableBytes out_;
  std::size_t limit_;  ///< of what stands before the OPT record
  std::size_t at_ = 0;
  std::size_t question_end_ = 0;
  std::uint16_t counts_[3] = {0, 0, 0};
  std::uint16_t flags_ = 0;
  Rcode rcode_ = Rcode::kNoError;
  bool overflowed_ = false;
  std::uint8_t options_[256];
  std::size_t options_length_ = 0;
  NameCompressor names_;
};

/// What a client may be sent over UDP: its EDNS size within [512, 1232], 512 without EDNS (RFC 6891 6.2.3).
[[nodiscard]] std::size_t udp_size_limit(const QueryView& query) noexcept;

/// Turns a complete message into its truncated form in place: header and question kept, TC set, OPT kept if
/// the client sent one and it fits. Returns the new length, never above what the client accepts.
[[nodiscard]] std::size_t truncate_for(const QueryView& query, base::MutableBytes message) noexcept;

}  // namespace rampart::dns
