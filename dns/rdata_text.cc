// RDATA in presentation format, type by type. Each printer reads through a cursor that fails instead of reading
// too far; a record whose printer fails, or leaves octets over, is printed in the generic form of RFC 3597 5, so
// that text never hides what stood on the wire.
#include <arpa/inet.h>

#include <cstdio>
#include <ctime>

#include "base/bytes.h"
#include "dns/presentation.h"

namespace rampart::dns {
namespace {

std::string hex(base::ByteView bytes, const char* digits) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const std::uint8_t octet : bytes) {
    text += digits[octet >> 4];
    text += digits[octet & 0xf];
  }
  return text;
}

std::string base64(base::ByteView bytes) {
  constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t left = bytes.size() - i;
    const unsigned group = (bytes[i] << 16) | (left > 1 ? bytes[i + 1] << 8 : 0) | (left > 2 ? bytes[i + 2] : 0);
    text += kAlphabet[group >> 18];
    text += kAlphabet[(group >> 12) & 0x3f];
    text += left > 1 ? kAlphabet[(group >> 6) & 0x3f] : '=';
    text += left > 2 ? kAlphabet[group & 0x3f] : '=';
  }
  return text;
}

std::string base32hex(base::ByteView bytes) {
  constexpr char kAlphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUV";
  std::string text;
  unsigned bits = 0;
  unsigned held = 0;
  for (const std::uint8_t octet : bytes) {
    bits = (bits << 8) | octet;
    for (held += 8; held >= 5; held -= 5) text += kAlphabet[(bits >> (held - 5)) & 0x1f];
  }
  if (held > 0) text += kAlphabet[(bits << (5 - held)) & 0x1f];
  return text;
}

/// `YYYYMMDDHHmmSS` in UTC (RFC 4034 3.2).
std::string time_text(std::uint32_t seconds) {
  const std::time_t when = seconds;
  std::tm parts{};
  gmtime_r(&when, &parts);
  char text[32];
  const std::size_t length = std::strftime(text, sizeof text, "%Y%m%d%H%M%S", &parts);
  return std::string(text, length);
}

void append_character(std::string& out, std::uint8_t octet, std::string_view specials) {
  if (octet >= 0x20 && octet < 0x7f) {
    if (specials.find(static_cast<char>(octet)) != std::string_view::npos) out += '\\';
    out += static_cast<char>(octet);
  } else {
    char escape[5];
    std::snprintf(escape, sizeof escape, "\\%03u", unsigned{octet});
    out += escape;
  }
}

std::string quoted(base::ByteView bytes) {
  std::string text = "\"";
  for (const std::uint8_t octet : bytes) append_character(text, octet, "\"\\");
  return text + '"';
}

std::string address_text(base::ByteView octets) {
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(octets.size() == 4 ? AF_INET : AF_INET6, octets.data(), text, sizeof text);
  return text;
}

/// Appends fields to `text`, separated by spaces; after a failure nothing counts any more.
class FieldPrinter {
 public:
  explicit FieldPrinter(const RecordView& record)
      : message_(record.message.first(record.rdata_at + record.rdata_length)), at_(record.rdata_at) {}

  [[nodiscard]] std::size_t left() const { return message_.size() - at_; }
  [[nodiscard]] bool is_complete() const { return !failed_ && left() == 0; }
  [[nodiscard]] bool failed() const { return failed_; }
  std::string take() { return std::move(text_); }

  void put(std::string_view field) {
    if (!text_.empty()) text_ += ' ';
    text_ += field;
  }
  base::ByteView bytes(std::size_t count) {
    if (failed_ || left() < count) {
      failed_ = true;
      return {};
    }
    const base::ByteView view = message_.subspan(at_, count);
    at_ += count;
    return view;
  }
  base::ByteView rest() { return bytes(failed_ ? 0 : left()); }
  std::uint32_t number(std::size_t octets) {
    std::uint32_t value = 0;
    for (const std::uint8_t octet : bytes(octets)) value = (value << 8) | octet;
    return value;
  }
  void put_number(std::size_t octets) { put(std::to_string(number(octets))); }
  void put_name() {
    if (failed_) return;
    const auto name = Name::read(message_, at_);
    if (!name) failed_ = true;
    else put(to_fqdn_text(name->view()));
  }
  void put_string() { put(quoted(bytes(number(1)))); }
  void fail() { failed_ = true; }

 private:
  base::ByteView message_;
  std::size_t at_;
  std::string text_;
  bool failed_ = false;
};

/// The windows of NSEC and NSEC3 (RFC 4034 4.1.2).
void put_type_bitmap(FieldPrinter& out) {
  while (!out.failed() && out.left() > 0) {
    const unsigned window = out.number(1);
    const base::ByteView bits = out.bytes(out.number(1));
    for (unsigned i = 0; i < bits.size() * 8; ++i)
      if (bits[i / 8] & (0x80 >> (i % 8))) out.put(to_text(static_cast<RrType>(window * 256 + i)));
  }
}

std::string param_key_text(unsigned key) {
  constexpr std::string_view kKeys[] = {"mandatory", "alpn",     "no-default-alpn", "port", "ipv4hint",
                                        "ech",       "ipv6hint", "dohpath",         "ohttp"};
  return key < std::size(kKeys) ? std::string(kKeys[key]) : "key" + std::to_string(key);
}

std::string address_list_text(base::ByteView value, std::size_t octets) {
  std::string text;
  for (std::size_t i = 0; i + octets <= value.size(); i += octets) {
    if (i != 0) text += ',';
    text += address_text(value.subspan(i, octets));
  }
  return text;
}

/// The value of a parameter without its quotes (RFC 9460 2.1, appendix A).
std::string param_value_text(unsigned key, base::ByteView value) {
  std::string text;
  switch (key) {
    case 0:
      for (std::size_t i = 0; i + 2 <= value.size(); i += 2) {
        if (i != 0) text += ',';
        text += param_key_text(base::load_u16(&value[i]));
      }
      return text;
    case 1:
      for (std::size_t i = 0; i < value.size(); i += value[i] + std::size_t{1}) {
        if (i != 0) text += ',';
        for (std::size_t k = i + 1; k <= i + value[i] && k < value.size(); ++k) {
          // A comma inside an item is escaped for the list, and its backslash once more for the string.
          if (value[k] == ',' || value[k] == '\\') text += value[k] == ',' ? "\\\\," : "\\\\\\\\";
          else append_character(text, value[k], "\"");
        }
      }
      return text;
    case 3:
      if (value.size() == 2) return std::to_string(base::load_u16(value.data()));
      break;
    case 4: return address_list_text(value, 4);
    case 5: return base64(value);
    case 6: return address_list_text(value, 16);
    default: break;
  }
  for (const std::uint8_t octet : value) append_character(text, octet, "\"\\");
  return text;
}

void put_params(FieldPrinter& out) {
  while (!out.failed() && out.left() > 0) {
    const unsigned key = out.number(2);
    const base::ByteView value = out.bytes(out.number(2));
    if (out.failed()) return;
    std::string field = param_key_text(key);
    if (!value.empty()) field += "=\"" + param_value_text(key, value) + '"';
    out.put(field);
  }
}

void put_signature(FieldPrinter& out) {
  out.put(to_text(static_cast<RrType>(out.number(2))));
  out.put_number(1);  // algorithm
  out.put_number(1);  // labels
  out.put_number(4);  // original TTL
  out.put(time_text(out.number(4)));
  out.put(time_text(out.number(4)));
  out.put_number(2);  // key tag
  out.put_name();
  out.put(base64(out.rest()));
}

void put_caa(FieldPrinter& out) {
  out.put_number(1);
  const base::ByteView tag = out.bytes(out.number(1));
  std::string text;
  for (const std::uint8_t octet : tag) append_character(text, octet, "\"\\ ;()");
  out.put(text);
  out.put(quoted(out.rest()));
}

void put_nsec3(FieldPrinter& out) {
  out.put_number(1);
  out.put_number(1);
  out.put_number(2);
  const base::ByteView salt = out.bytes(out.number(1));
  out.put(salt.empty() ? "-" : hex(salt, "0123456789ABCDEF"));
  out.put(base32hex(out.bytes(out.number(1))));
  put_type_bitmap(out);
}

void put_fields(const RecordView& record, FieldPrinter& out) {
  switch (static_cast<std::uint16_t>(record.type)) {
    case 1:  // A
      if (const auto octets = out.bytes(4); !out.failed()) out.put(address_text(octets));
      break;
    case 28:  // AAAA
      if (const auto octets = out.bytes(16); !out.failed()) out.put(address_text(octets));
      break;
    case 2: case 5: case 12: case 39:  // NS CNAME PTR DNAME
      out.put_name();
      break;
    case 6:  // SOA
      out.put_name();
      out.put_name();
      for (int i = 0; i < 5; ++i) out.put_number(4);
      break;
    case 15:  // MX
      out.put_number(2);
      out.put_name();
      break;
    case 13: case 16: case 99:  // HINFO TXT SPF
      do out.put_string();
      while (!out.failed() && out.left() > 0);
      break;
    case 33:  // SRV
      for (int i = 0; i < 3; ++i) out.put_number(2);
      out.put_name();
      break;
    case 35:  // NAPTR
      out.put_number(2);
      out.put_number(2);
      for (int i = 0; i < 3; ++i) out.put_string();
      out.put_name();
      break;
    case 43: case 59:  // DS CDS
      out.put_number(2);
      out.put_number(1);
      out.put_number(1);
      out.put(hex(out.rest(), "0123456789ABCDEF"));
      break;
    case 44:  // SSHFP
      out.put_number(1);
      out.put_number(1);
      out.put(hex(out.rest(), "0123456789ABCDEF"));
      break;
    case 46: put_signature(out); break;
    case 47:  // NSEC
      out.put_name();
      put_type_bitmap(out);
      break;
    case 48: case 60:  // DNSKEY CDNSKEY
      out.put_number(2);
      out.put_number(1);
      out.put_number(1);
      out.put(base64(out.rest()));
      break;
    case 50: put_nsec3(out); break;
    case 52: case 53:  // TLSA SMIMEA
      for (int i = 0; i < 3; ++i) out.put_number(1);
      out.put(hex(out.rest(), "0123456789abcdef"));
      break;
    case 64: case 65:  // SVCB HTTPS
      out.put_number(2);
      out.put_name();
      put_params(out);
      break;
    case 257: put_caa(out); break;
    default: out.fail();
  }
}

}  // namespace

std::string rdata_text(const RecordView& record) {
  FieldPrinter printer(record);
  put_fields(record, printer);
  if (printer.is_complete()) return printer.take();
  std::string text = "\\# " + std::to_string(record.rdata_length);
  if (record.rdata_length != 0) text += ' ' + hex(record.rdata(), "0123456789abcdef");
  return text;
}

}  // namespace rampart::dns
