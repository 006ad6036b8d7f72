#include "tests/support/messages.h"

namespace rampart::test {
namespace {

void put16(Bytes& out, std::uint16_t value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8));
  out.push_back(static_cast<std::uint8_t>(value));
}

void put32(Bytes& out, std::uint32_t value) {
  put16(out, static_cast<std::uint16_t>(value >> 16));
  put16(out, static_cast<std::uint16_t>(value));
}

void append(Bytes& out, const Bytes& more) { out.insert(out.end(), more.begin(), more.end()); }

void put_record(Bytes& out, const AnswerRecord& record) {
  if (record.owner.empty()) put16(out, 0xc00c);
  else append(out, wire_name(record.owner));
  put16(out, static_cast<std::uint16_t>(record.type));
  put16(out, 1);
  put32(out, record.ttl);
  put16(out, static_cast<std::uint16_t>(record.rdata.size()));
  append(out, record.rdata);
}

}  // namespace

Bytes wire_name(std::string_view name) {
  Bytes out;
  while (!name.empty() && name != ".") {
    const auto dot = name.find('.');
    const auto label = name.substr(0, dot);
    out.push_back(static_cast<std::uint8_t>(label.size()));
    out.insert(out.end(), label.begin(), label.end());
    name = dot == std::string_view::npos ? std::string_view{} : name.substr(dot + 1);
  }
  out.push_back(0);
  return out;
}

Bytes make_query(std::string_view name, dns::RrType type, const QueryOptions& options) {
  Bytes out;
  put16(out, options.id);
  put16(out, options.flags);
  put16(out, 1);
  put16(out, 0);
  put16(out, 0);
  put16(out, options.edns ? 1 : 0);
  append(out, wire_name(name));
  put16(out, static_cast<std::uint16_t>(type));
  put16(out, static_cast<std::uint16_t>(options.qclass));
  if (options.edns) {
    out.push_back(0);
    put16(out, 41);
    put16(out, options.udp_payload);
    put16(out, 0);
    put16(out, options.dnssec_ok ? 0x8000 : 0);
    put16(out, 0);
  }
  return out;
}

Bytes make_response(base::ByteView query, dns::Rcode rcode, const std::vector<AnswerRecord>& answers,
                    const std::vector<AnswerRecord>& authority, std::uint16_t extra_flags) {
  std::size_t question_end = dns::kHeaderBytes;
  while (query[question_end] != 0) question_end += 1u + query[question_end];
  question_end += 5;
  Bytes out(query.begin(), query.begin() + static_cast<std::ptrdiff_t>(question_end));
  const std::uint16_t flags = static_cast<std::uint16_t>(
      dns::kFlagQr | dns::kFlagRa | (base::load_u16(query.data() + 2) & dns::kFlagRd) | extra_flags |
      static_cast<std::uint16_t>(rcode));
  base::store_u16(out.data() + 2, flags);
  base::store_u16(out.data() + 6, static_cast<std::uint16_t>(answers.size()));
  base::store_u16(out.data() + 8, static_cast<std::uint16_t>(authority.size()));
  base::store_u16(out.data() + 10, 0);
  for (const auto& record : answers) put_record(out, record);
  for (const auto& record : authority) put_record(out, record);
  return out;
}

Bytes a_rdata(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) { return {a, b, c, d}; }

Bytes soa_rdata(std::string_view mname, std::uint32_t minimum) {
  Bytes out = wire_name(mname);
  append(out, wire_name("hostmaster.example"));
  for (const std::uint32_t value : {1u, 7200u, 3600u, 86400u, minimum}) put32(out, value);
  return out;
}

}  // namespace rampart::test
