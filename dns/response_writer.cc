#include "dns/response_writer.h"

#include <algorithm>
#include <cassert>
#include <cstring>

namespace rampart::dns {
namespace {

constexpr std::size_t kRecordFixedBytes = 10;  ///< type, class, TTL, RDLENGTH
constexpr std::size_t kOptBytes = 11;          ///< an OPT record without options
constexpr std::size_t kEdeTextBytesMax = 200;  ///< leaves room in 512 octets for question and answer
constexpr std::uint16_t kQnamePointer = 0xc000 | kHeaderBytes;

/// The longest head of `text` of at most `bytes_max` octets that ends between two UTF-8 sequences.
std::string_view cut_utf8(std::string_view text, std::size_t bytes_max) noexcept {
  if (text.size() <= bytes_max) return text;
  std::size_t end = bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end);
}

/// Writes an OPT record; `ttl_high` holds the upper RCODE bits.
std::size_t write_opt(std::uint8_t* out, unsigned ttl_high, bool dnssec_ok, base::ByteView options) noexcept {
  std::memset(out, 0, kOptBytes);
  base::store_u16(out + 1, static_cast<std::uint16_t>(RrType::kOpt));
  base::store_u16(out + 3, kUdpPayloadBytes);
  out[5] = static_cast<std::uint8_t>(ttl_high);
  out[7] = dnssec_ok ? 0x80 : 0;  // RFC 3225 3: DO is copied
  base::store_u16(out + 9, static_cast<std::uint16_t>(options.size()));
  if (!options.empty()) std::memcpy(out + kOptBytes, options.data(), options.size());
  return kOptBytes + options.size();
}

}  // namespace

ResponseWriter::ResponseWriter(const QueryView& query, base::MutableBytes out, std::size_t size_limit) noexcept
    : query_(query), out_(out), names_(out, true) {
  assert(out.size() >= kUdpPayloadBytesMin);
  limit_ = std::min({out.size(), std::max<std::size_t>(size_limit, kUdpPayloadBytesMin), kMessageBytesMax});
  if (query.has_edns()) limit_ -= kOptBytes;
  flags_ = static_cast<std::uint16_t>(kFlagQr | kFlagRa | (query.flags() & (0x7800 | kFlagRd | kFlagCd)));
  std::uint8_t* p = out_.data();
  base::store_u16(p, query.id());
  base::store_u16(p + 4, 1);
  const base::ByteView question = query.question();
  std::memcpy(p + kHeaderBytes, question.data(), question.size());
  at_ = question_end_ = kHeaderBytes + question.size();
}

void ResponseWriter::set_flag(std::uint16_t flag, bool on) noexcept {
  flags_ = static_cast<std::uint16_t>(on ? flags_ | flag : flags_ & ~flag);
}

void ResponseWriter::put_fixed(RrType type, RrClass rr_class, std::uint32_t ttl, std::size_t rdata_length) noexcept {
  std::uint8_t* p = &out_[at_];
  base::store_u16(p, static_cast<std::uint16_t>(type));
  base::store_u16(p + 2, static_cast<std::uint16_t>(rr_class));
  base::store_u32(p + 4, ttl);
  base::store_u16(p + 8, static_cast<std::uint16_t>(rdata_length));
  at_ += kRecordFixedBytes;
}

bool ResponseWriter::begin_record(Section section, NameView owner, RrType type, RrClass rr_class, std::uint32_t ttl,
                                  std::size_t rdata_length) noexcept {
  if (overflowed_) return false;
  const auto index = static_cast<std::size_t>(section);
  assert(index >= 1 || counts_[1] == 0);
  assert(index >= 2 || counts_[2] == 0);
  if (counts_[index] == 0xffff) return undo(mark(), section);
  const Mark start = mark();
  if (!put_name(owner) || room() < kRecordFixedBytes || room() - kRecordFixedBytes < rdata_length)
    return undo(start, section);
  put_fixed(type, rr_class, ttl, rdata_length);
  return true;
}

bool ResponseWriter::commit(Section section) noexcept {
  ++counts_[static_cast<std::size_t>(section)];
  return true;
}

bool ResponseWriter::undo(Mark start, Section section) noexcept {
  at_ = start.at;
  names_.return_to(start.names);
  if (section != Section::kAdditional) overflowed_ = true;
  return false;
}

bool ResponseWriter::add_address(RrType type, std::uint32_t ttl, const std::uint8_t* octets,
                                 std::size_t length) noexcept {
  if (overflowed_) return false;
  assert(counts_[1] == 0 && counts_[2] == 0);
  // The root as an owner is shorter than a pointer to it.
  const bool is_root = query_.qname().is_root();
  const std::size_t owner = is_root ? 1 : 2;
  if (room() < owner + kRecordFixedBytes + length) return undo(mark(), Section::kAnswer);
  if (is_root) out_[at_] = 0;
  else base::store_u16(&out_[at_], kQnamePointer);
  at_ += owner;
  put_fixed(type, RrClass::kIn, ttl, length);
  std::memcpy(&out_[at_], octets, length);
  at_ += length;
  return commit(Section::kAnswer);
}

bool ResponseWriter::add_a(std::uint32_t ttl, const std::uint8_t octets[4]) noexcept {
  return add_address(RrType::kA, ttl, octets, 4);
}

bool ResponseWriter::add_aaaa(std::uint32_t ttl, const std::uint8_t octets[16]) noexcept {
  return add_address(RrType::kAaaa, ttl, octets, 16);
}

bool ResponseWriter::add_record(Section section, NameView owner, RrType type, RrClass rr_class, std::uint32_t ttl,
                                base::ByteView rdata) noexcept {
  if (!begin_record(section, owner, type, rr_class, ttl, rdata.size())) return false;
  if (!rdata.empty()) std::memcpy(&out_[at_], rdata.data(), rdata.size());
  at_ += rdata.size();
  return commit(section);
}

bool ResponseWriter::add_soa(NameView owner, std::uint32_t ttl, const Soa& soa) noexcept {
  const Mark start = mark();
  if (!begin_record(Section::kAuthority, owner, RrType::kSoa, RrClass::kIn, ttl, 0)) return false;
  const std::size_t rdata_at = at_;
  if (!put_name(soa.mname) || !put_name(soa.rname) || room() < 20) return undo(start, Section::kAuthority);
  const std::uint32_t numbers[] = {soa.serial, soa.refresh, soa.retry, soa.expire, soa.minimum};
  for (const std::uint32_t number : numbers) {
    base::store_u32(&out_[at_], number);
    at_ += 4;
  }
  base::store_u16(&out_[rdata_at - 2], static_cast<std::uint16_t>(at_ - rdata_at));
  return commit(Section::kAuthority);
}

bool ResponseWriter::add_txt(RrClass rr_class, std::uint32_t ttl, std::string_view text) noexcept {
  text = cut_utf8(text, 255);
  if (!begin_record(Section::kAnswer, query_.qname(), RrType::kTxt, rr_class, ttl, text.size() + 1)) return false;
  out_[at_++] = static_cast<std::uint8_t>(text.size());
  if (!text.empty()) std::memcpy(&out_[at_], text.data(), text.size());
  at_ += text.size();
  return commit(Section::kAnswer);
}

void ResponseWriter::add_ede(EdeCode code, std::string_view extra_text) noexcept {
  const std::string_view text = cut_utf8(extra_text, kEdeTextBytesMax);
  if (sizeof options_ - options_length_ < 6 + text.size()) return;
  std::uint8_t* p = options_ + options_length_;
  base::store_u16(p, static_cast<std::uint16_t>(EdnsOption::kEde));
  base::store_u16(p + 2, static_cast<std::uint16_t>(2 + text.size()));
  base::store_u16(p + 4, static_cast<std::uint16_t>(code));
  if (!text.empty()) std::memcpy(p + 6, text.data(), text.size());
  options_length_ += 6 + text.size();
}

void ResponseWriter::add_tcp_keepalive(std::uint16_t timeout_100ms) noexcept {
  if (sizeof options_ - options_length_ < 6) return;
  std::uint8_t* p = options_ + options_length_;
  base::store_u16(p, static_cast<std::uint16_t>(EdnsOption::kTcpKeepalive));
  base::store_u16(p + 2, 2);
  base::store_u16(p + 4, timeout_100ms);
  options_length_ += 6;
}

std::size_t ResponseWriter::finish() noexcept {
  if (overflowed_) {
    at_ = question_end_;
    counts_[0] = counts_[1] = counts_[2] = 0;
    flags_ |= kFlagTc;
  }
  auto rcode = static_cast<unsigned>(rcode_);
  if (query_.has_edns()) {
    // What OPT says beside its RCODE bits is optional: answers come first.
    const bool options_fit = room() >= options_length_;
    at_ += write_opt(&out_[at_], rcode >> 4, query_.dnssec_ok(),
                     base::ByteView(options_, options_fit ? options_length_ : 0));
    ++counts_[2];
  } else if (rcode > 0xf) {
    rcode = static_cast<unsigned>(Rcode::kServFail);  // its low bits alone would say something else
  }
  std::uint8_t* p = out_.data();
  base::store_u16(p + 2, static_cast<std::uint16_t>((flags_ & ~0xfu) | (rcode & 0xf)));
  for (std::size_t i = 0; i < 3; ++i) base::store_u16(p + 6 + 2 * i, counts_[i]);
  return at_;
}

std::size_t udp_size_limit(const QueryView& query) noexcept {
  if (!query.has_edns()) return kUdpPayloadBytesMin;
  return std::clamp(query.edns().udp_payload_bytes, kUdpPayloadBytesMin, kUdpPayloadBytes);
}

std::size_t truncate_for(const QueryView& query, base::MutableBytes message) noexcept {
  if (message.size() < kHeaderBytes) return 0;
  std::uint8_t* p = message.data();
  std::size_t at = kHeaderBytes;
  const auto qname = measure_uncompressed(message.subspan(kHeaderBytes));
  const bool has_question =
      base::load_u16(p + 4) == 1 && qname.ok() && message.size() - kHeaderBytes >= *qname + std::size_t{4};
  if (has_question) at += *qname + std::size_t{4};

  // Find the OPT record before the counts are gone.
  base::ByteView opt;
  if (query.has_edns()) {
    if (const auto view = MessageView::parse(message); view && view->has_edns()) {
      view->for_each_record([&](const RecordView& record) {
        if (record.type != RrType::kOpt) return true;
        opt = message.subspan(record.owner_at, kOptBytes + record.rdata_length);
        return false;
      });
    }
  }
  base::store_u16(p + 2, static_cast<std::uint16_t>(base::load_u16(p + 2) | kFlagTc));
  base::store_u16(p + 4, has_question ? 1 : 0);
  std::memset(p + 6, 0, 6);
  if (!query.has_edns()) return at;
  const std::size_t limit = std::min(message.size(), udp_size_limit(query));
  if (!opt.empty() && at + opt.size() <= limit) {
    std::memmove(p + at, opt.data(), opt.size());
    at += opt.size();
  } else if (at + kOptBytes <= limit) {
    const unsigned ttl_high = opt.empty() ? 0u : opt[5];
    at += write_opt(p + at, ttl_high, query.dnssec_ok(), {});
  } else {
    return at;
  }
  base::store_u16(p + 10, 1);
  return at;
}

}  // namespace rampart::dns
