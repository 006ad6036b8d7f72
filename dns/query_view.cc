#include "dns/query_view.h"

#include <algorithm>
#include <cstring>
#include <optional>

namespace rampart::dns {
namespace {

constexpr std::uint16_t kOpcodeMask = 0x7800;
constexpr std::size_t kRecordFixedBytes = 10;  ///< type, class, TTL, RDLENGTH
constexpr std::uint16_t kAdditionalMax = 2;    ///< OPT, and a TSIG or SIG(0) behind it

/// RFC 7871 6: family, source prefix, scope 0, and exactly the address octets that the prefix needs, their
/// spare bits clear. Family 0 is legal with prefix 0 ("do not use my address").
bool is_well_formed_ecs(base::ByteView data) noexcept {
  if (data.size() < 4) return false;
  const unsigned family = base::load_u16(data.data());
  const unsigned prefix = data[2];
  const unsigned prefix_max = family == 1 ? 32u : family == 2 ? 128u : 0u;
  if (family > 2 || prefix > prefix_max || data[3] != 0) return false;
  if (data.size() != 4 + (prefix + 7) / 8) return false;
  const unsigned spare = (8 - prefix % 8) % 8;
  return spare == 0 || (data.back() & ((1u << spare) - 1)) == 0;
}

bool read_options(base::ByteView options, EdnsView& edns) noexcept {
  edns.options = options;
  while (!options.empty()) {
    if (options.size() < 4) return false;
    const std::uint16_t code = base::load_u16(options.data());
    const std::size_t length = base::load_u16(options.data() + 2);
    if (options.size() - 4 < length) return false;
    const base::ByteView data = options.subspan(4, length);
    if (code == static_cast<std::uint16_t>(EdnsOption::kEcs)) {
      if (edns.ecs.empty() && is_well_formed_ecs(data)) edns.ecs = data;
    } else if (code == static_cast<std::uint16_t>(EdnsOption::kTcpKeepalive)) {
      edns.has_tcp_keepalive = true;
    } else if (code == static_cast<std::uint16_t>(EdnsOption::kPadding)) {
      edns.has_padding = true;
    }
    options = options.subspan(4 + length);
  }
  return true;
}

/// The name, type and class at the start of the question section, if they can be read.
std::optional<base::ByteView> readable_question(base::ByteView wire) noexcept {
  if (wire.size() < kHeaderBytes || base::load_u16(wire.data() + 4) != 1) return std::nullopt;
  const auto length = measure_uncompressed(wire.subspan(kHeaderBytes));
  if (!length || wire.size() - kHeaderBytes < *length + std::size_t{4}) return std::nullopt;
  return wire.subspan(kHeaderBytes, *length + std::size_t{4});
}

}  // namespace

base::Result<QueryView, WireError> QueryView::parse(base::ByteView wire) noexcept {
  QueryView query;
  if (const auto error = read(wire, query)) return base::Error{*error};
  return query;
}

std::optional<WireError> QueryView::parse(base::ByteView wire, std::optional<QueryView>& query) noexcept {
  const auto error = read(wire, query.emplace());
  if (error) query.reset();
  return error;
}

std::optional<WireError> QueryView::read(base::ByteView wire, QueryView& query) noexcept {
  if (wire.size() < kHeaderBytes) return WireError::kShort;
  const std::uint8_t* header = wire.data();
  const std::uint16_t flags = base::load_u16(header + 2);
  if (flags & kFlagQr) return WireError::kNotQuery;
  if (flags & kOpcodeMask) return WireError::kBadOpcode;
  const std::uint16_t additional = base::load_u16(header + 10);
  if (base::load_u16(header + 4) != 1 || base::load_u32(header + 6) != 0 || additional > kAdditionalMax)
    return WireError::kBadCounts;

  const auto qname_length = measure_uncompressed(wire.subspan(kHeaderBytes));
  if (!qname_length)
    return qname_length.error() == NameError::kShort ? WireError::kTrailing : WireError::kBadName;
  std::size_t at = kHeaderBytes + *qname_length;
  if (wire.size() - at < 4) return WireError::kTrailing;
  query.wire_ = wire;
  query.qname_length_ = *qname_length;
  query.qtype_ = static_cast<RrType>(base::load_u16(header + at));
  query.qclass_ = static_cast<RrClass>(base::load_u16(header + at + 2));
  at += 4;

  for (unsigned i = 0; i < additional; ++i) {
    const std::size_t owner_at = at;
    if (at < wire.size() && wire[at] == 0) {
      ++at;  // the root, as OPT must have it
    } else if (const auto owner = measure(wire, at); !owner) {
      return owner.error() == NameError::kShort ? WireError::kTrailing : WireError::kBadName;
    }
    if (wire.size() - at < kRecordFixedBytes) return WireError::kTrailing;
    const std::uint8_t* fixed = header + at;
    const std::size_t rdata_length = base::load_u16(fixed + 8);
    at += kRecordFixedBytes;
    if (wire.size() - at < rdata_length) return WireError::kTrailing;
    if (static_cast<RrType>(base::load_u16(fixed)) == RrType::kOpt) {
      if (query.has_edns_ || wire[owner_at] != 0) return WireError::kBadEdns;
      // fixed[4] is the extended RCODE, without meaning in a query.
      if (fixed[5] != 0) return WireError::kBadVersion;
      query.has_edns_ = true;
      query.edns_.udp_payload_bytes = base::load_u16(fixed + 2);
      query.edns_.dnssec_ok = (fixed[6] & 0x80) != 0;
      if (!read_options(wire.subspan(at, rdata_length), query.edns_)) return WireError::kBadEdns;
    }
    at += rdata_length;
  }
  if (at != wire.size()) return WireError::kTrailing;
  return std::nullopt;
}

std::size_t error_response(base::ByteView wire, WireError error, base::MutableBytes out) noexcept {
  if (error == WireError::kShort || error == WireError::kNotQuery) return 0;
  if (wire.size() < kHeaderBytes || out.size() < kUdpPayloadBytesMin) return 0;
  const std::uint16_t asked = base::load_u16(wire.data() + 2);
  if (asked & kFlagQr) return 0;
  Rcode rcode = Rcode::kFormErr;
  if (error == WireError::kBadOpcode) rcode = Rcode::kNotImp;
  if (error == WireError::kBadVersion) rcode = Rcode::kBadVers;
  const auto code = static_cast<std::uint16_t>(rcode);

  std::memset(out.data(), 0, kHeaderBytes);
  std::memcpy(out.data(), wire.data(), 2);
  base::store_u16(out.data() + 2,
                  static_cast<std::uint16_t>(kFlagQr | (asked & (kOpcodeMask | kFlagRd)) | (code & 0xf)));
  std::size_t at = kHeaderBytes;
  if (const auto question = readable_question(wire)) {
    base::store_u16(out.data() + 4, 1);
    std::memcpy(out.data() + at, question->data(), question->size());
    at += question->size();
  }
  // Who sent a faulty OPT learns that we speak EDNS, and which version (RFC 6891 6.1.3, 7).
  if (error == WireError::kBadVersion || error == WireError::kBadEdns) {
    base::store_u16(out.data() + 10, 1);
    std::uint8_t* opt = out.data() + at;
    std::memset(opt, 0, 11);
    base::store_u16(opt + 1, static_cast<std::uint16_t>(RrType::kOpt));
    base::store_u16(opt + 3, kUdpPayloadBytes);
    opt[5] = static_cast<std::uint8_t>(code >> 4);
    at += 11;
  }
  return at;
}

}  // namespace rampart::dns
