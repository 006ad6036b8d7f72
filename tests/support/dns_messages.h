// Builds DNS messages octet by octet for tests, right or wrong on purpose. Knows nothing of the code under test
// except its constants, so that a fault there is not repeated here.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "dns/types.h"

namespace rampart::testing {

/// A type of its own, so that `+` is found from every namespace.
struct Bytes : std::vector<std::uint8_t> {
  using std::vector<std::uint8_t>::vector;
};

inline Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
inline Bytes text_bytes(std::string_view text) { return Bytes(text.begin(), text.end()); }
inline Bytes u16(unsigned v) { return {static_cast<std::uint8_t>(v >> 8), static_cast<std::uint8_t>(v)}; }
inline Bytes u32(std::uint32_t v) { return u16(v >> 16) + u16(v & 0xffff); }

/// Wire format of plain text without escapes; "" and "." are the root.
inline Bytes wire_name(std::string_view text) {
  Bytes wire;
  while (!text.empty() && text != ".") {
    const std::size_t dot = text.find('.');
    const std::string_view label = text.substr(0, dot);
    wire.push_back(static_cast<std::uint8_t>(label.size()));
    wire = wire + text_bytes(label);
    text = dot == std::string_view::npos ? std::string_view() : text.substr(dot + 1);
  }
  wire.push_back(0);
  return wire;
}
inline Bytes pointer_to(unsigned offset) { return u16(0xc000 | offset); }

inline Bytes record(const Bytes& owner, unsigned type, std::uint32_t ttl, const Bytes& rdata, unsigned rr_class = 1) {
  return owner + u16(type) + u16(rr_class) + u32(ttl) + u16(static_cast<unsigned>(rdata.size())) + rdata;
}
inline Bytes record(std::string_view owner, dns::RrType type, std::uint32_t ttl, const Bytes& rdata) {
  return record(wire_name(owner), static_cast<unsigned>(type), ttl, rdata);
}
inline Bytes edns_option(unsigned code, const Bytes& data) {
  return u16(code) + u16(static_cast<unsigned>(data.size())) + data;
}
/// OPT record; `ttl` holds extended RCODE, version and flags (DO is 0x8000).
inline Bytes opt_record(unsigned payload = 1232, std::uint32_t ttl = 0, const Bytes& options = {}) {
  return record(Bytes{0}, 41, ttl, options, payload);
}

/// Sections are appended in order; the counts follow by themselves unless forced.
class MessageBuilder {
 public:
  MessageBuilder& id(std::uint16_t v) { return id_ = v, *this; }
  MessageBuilder& flags(std::uint16_t v) { return flags_ = v, *this; }
  MessageBuilder& question(std::string_view qname, dns::RrType qtype, unsigned qclass = 1) {
    return question(wire_name(qname), static_cast<unsigned>(qtype), qclass);
  }
  MessageBuilder& question(const Bytes& qname, unsigned qtype, unsigned qclass = 1) {
    return section(0, qname + u16(qtype) + u16(qclass));
  }
  MessageBuilder& answer(const Bytes& rr) { return section(1, rr); }
  MessageBuilder& authority(const Bytes& rr) { return section(2, rr); }
  MessageBuilder& additional(const Bytes& rr) { return section(3, rr); }
  /// Overrides a count (0 question .. 3 additional) whatever stands in the section.
  MessageBuilder& count(unsigned index, std::uint16_t v) { return counts_[index] = v, *this; }
  MessageBuilder& raw(const Bytes& bytes) { return body_ = body_ + bytes, *this; }

  [[nodiscard]] Bytes build() const {
    Bytes wire = u16(id_) + u16(flags_);
    for (const unsigned n : counts_) wire = wire + u16(n);
    return wire + body_;
  }

 private:
  MessageBuilder& section(unsigned index, const Bytes& bytes) {
    for (unsigned later = index + 1; later < 4; ++later)
      if (counts_[later] != 0) throw std::logic_error("MessageBuilder: sections are appended in order");
    ++counts_[index];
    return raw(bytes);
  }

  std::uint16_t id_ = 0x1234;
  std::uint16_t flags_ = 0x0100;
  unsigned counts_[4] = {0, 0, 0, 0};
  Bytes body_;
};

inline MessageBuilder query_for(std::string_view qname, dns::RrType qtype) {
  return MessageBuilder().question(qname, qtype);
}
inline MessageBuilder response_for(std::string_view qname, dns::RrType qtype) {
  return MessageBuilder().flags(0x8180).question(qname, qtype);
}

}  // namespace rampart::testing
