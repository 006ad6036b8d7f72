#include "dns/rdata_parse.h"

#include <arpa/inet.h>

#include <charconv>

#include "base/bytes.h"
#include "dns/presentation.h"
#include "dns/rdata.h"

namespace rampart::dns {
namespace {

constexpr std::size_t kRdataBytesMax = 65535;
constexpr std::uint32_t kTtlMax = 0x7fffffff;

enum class Field : std::uint8_t {
  kName, kV4, kV6, kU8, kU16, kU32, kTime, kString,
  kStrings,  ///< one or more, to the end
  kText,     ///< octets without a length, to the end (RFC 8659 4.1, RFC 7553 4.4)
  kHex,      ///< to the end
};

struct Form {
  RrType type;
  std::span<const Field> fields;
};

using enum Field;
constexpr Field kA[] = {kV4};
constexpr Field kAaaa[] = {kV6};
constexpr Field kOneName[] = {kName};
constexpr Field kTwoNames[] = {kName, kName};
constexpr Field kPreference[] = {kU16, kName};
constexpr Field kSrv[] = {kU16, kU16, kU16, kName};
constexpr Field kSoa[] = {kName, kName, kU32, kTime, kTime, kTime, kTime};
constexpr Field kTxt[] = {kStrings};
constexpr Field kHinfo[] = {kString, kString};
constexpr Field kNaptr[] = {kU16, kU16, kString, kString, kString, kName};
constexpr Field kCaa[] = {kU8, kString, kText};
constexpr Field kUri[] = {kU16, kU16, kText};
constexpr Field kTlsa[] = {kU8, kU8, kU8, kHex};
constexpr Field kSshfp[] = {kU8, kU8, kHex};
constexpr Field kDs[] = {kU16, kU8, kU8, kHex};

constexpr Form kForms[] = {
    {RrType::kA, kA},
    {RrType::kNs, kOneName},
    {RrType::kCname, kOneName},
    {RrType::kSoa, kSoa},
    {RrType::kPtr, kOneName},
    {static_cast<RrType>(13), kHinfo},
    {RrType::kMx, kPreference},
    {RrType::kTxt, kTxt},
    {static_cast<RrType>(17), kTwoNames},    // RP
    {static_cast<RrType>(18), kPreference},  // AFSDB
    {RrType::kAaaa, kAaaa},
    {RrType::kSrv, kSrv},
    {static_cast<RrType>(35), kNaptr},
    {static_cast<RrType>(36), kPreference},  // KX
    {RrType::kDname, kOneName},
    {RrType::kDs, kDs},
    {static_cast<RrType>(44), kSshfp},
    {static_cast<RrType>(52), kTlsa},
    {static_cast<RrType>(53), kTlsa},  // SMIMEA
    {static_cast<RrType>(99), kTxt},   // SPF
    {static_cast<RrType>(256), kUri},
    {static_cast<RrType>(257), kCaa},
};

const Form* form_of(RrType type) noexcept {
  for (const Form& form : kForms)
    if (form.type == type) return &form;
  return nullptr;
}

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

template <class T>
std::optional<T> parse_number(std::string_view text) {
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// Undoes `\DDD` and `\X`; nullopt for a number over 255 or an escape of nothing.
std::optional<std::string> unescape(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    if (++i >= text.size()) return std::nullopt;
    if (!is_digit(text[i])) {
      out += text[i];
      continue;
    }
    if (text.size() - i < 3 || !is_digit(text[i + 1]) || !is_digit(text[i + 2])) return std::nullopt;
    const int value = (text[i] - '0') * 100 + (text[i + 1] - '0') * 10 + (text[i + 2] - '0');
    if (value > 255) return std::nullopt;
    out += static_cast<char>(value);
    i += 2;
  }
  return out;
}

int hex_value(char c) noexcept {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

class RdataReader {
 public:
  RdataReader(std::span<const ZoneColumn> columns, const std::optional<Name>& origin)
      : columns_(columns), origin_(origin) {}

  bool read(Field field) {
    if (columns_.empty()) return fail("ends too early");
    switch (field) {
      case kName: return read_name();
      case kV4: return read_address(AF_INET, 4, "IPv4 address");
      case kV6: return read_address(AF_INET6, 16, "IPv6 address");
      case kU8: return read_number<std::uint8_t>(1, 255);
      case kU16: return read_number<std::uint16_t>(2, 65535);
      case kU32: return read_number<std::uint32_t>(4, 4294967295);
      case kTime: return read_time();
      case kString: return read_string(true);
      case kText: return read_string(false);
      case kStrings:
        while (!columns_.empty())
          if (!read_string(true)) return false;
        return true;
      case kHex: return read_hex();
    }
    return false;
  }

  /// `\# 4 c0000201` (RFC 3597 5); the columns begin behind the `\#`.
  bool read_generic() {
    const auto length = columns_.empty() ? std::nullopt : parse_number<std::uint16_t>(columns_[0].text);
    if (!length) return fail("`\\#` must be followed by the number of octets");
    columns_ = columns_.subspan(1);
    if (!columns_.empty() && !read_hex()) return false;
    if (out_.size() != *length)
      return fail("`\\# " + std::to_string(*length) + "` is followed by " + std::to_string(out_.size()) +
                  " octets");
    return true;
  }

  [[nodiscard]] bool is_at_end() const noexcept { return columns_.empty(); }
  [[nodiscard]] std::string_view next() const noexcept { return columns_[0].text; }
  [[nodiscard]] std::string take_error() { return std::move(error_); }
  [[nodiscard]] std::vector<std::uint8_t> take() { return std::move(out_); }

 private:
  bool fail(std::string what) {
    error_ = std::move(what);
    return false;
  }
  bool fail_column(const char* wanted) { return fail("'" + std::string(next()) + "' is no " + wanted); }

  bool put(base::ByteView bytes) {
    if (out_.size() + bytes.size() > kRdataBytesMax) return fail("more than 65535 octets of data");
    out_.insert(out_.end(), bytes.begin(), bytes.end());
    columns_ = columns_.subspan(1);
    return true;
  }

  bool read_name() {
    const auto name = parse_relative_name(next(), origin_);
    if (!name && !origin_ && parse_relative_name(next(), Name()))
      return fail("'" + std::string(next()) + "' is relative, but there is no $ORIGIN; end it with a dot");
    return name ? put(name->wire()) : fail_column("domain name");
  }

  bool read_address(int family, std::size_t length, const char* wanted) {
    std::uint8_t octets[16];
    const std::string text(next());
    if (inet_pton(family, text.c_str(), octets) != 1 || text.size() != next().size()) return fail_column(wanted);
    return put({octets, length});
  }

  template <class T>
  bool read_number(std::size_t octets, std::uint64_t max) {
    const auto number = parse_number<T>(next());
    if (!number) return fail_column(("number from 0 to " + std::to_string(max)).c_str());
    std::uint8_t bytes[4];
    base::store_u32(bytes, static_cast<std::uint32_t>(*number));
    return put({bytes + 4 - octets, octets});
  }

  bool read_time() {
    const auto time = parse_ttl(next());
    if (!time) return fail_column("time (3600, 1h, 1d12h)");
    std::uint8_t bytes[4];
    base::store_u32(bytes, *time);
    return put(bytes);
  }

  bool read_string(bool has_length) {
    const auto text = unescape(next());
    if (!text)
      return fail_column("string: a backslash stands before three digits up to 255, or one other character");
    std::string bytes;
    if (has_length) {
      if (text->size() > 255) return fail("a string is longer than 255 octets; write it as several");
      bytes += static_cast<char>(text->size());
    }
    bytes += *text;
    return put(base::as_bytes(bytes));
  }

  bool read_hex() {
    std::vector<std::uint8_t> bytes;
    int high = -1;
    for (const ZoneColumn& column : columns_) {
      for (const char c : column.text) {
        const int value = hex_value(c);
        if (value < 0) return fail("'" + std::string(column.text) + "' is not hexadecimal");
        if (high < 0) {
          high = value;
          continue;
        }
        bytes.push_back(static_cast<std::uint8_t>(high << 4 | value));
        high = -1;
      }
    }
    if (high >= 0) return fail("an odd number of hexadecimal digits");
    columns_ = columns_.last(1);
    return put(bytes);
  }

  std::span<const ZoneColumn> columns_;
  const std::optional<Name>& origin_;
  std::vector<std::uint8_t> out_;
  std::string error_;
};

}  // namespace

std::optional<Name> parse_relative_name(std::string_view text, const std::optional<Name>& origin) {
  if (text == "@") return origin;
  if (text == ".") return Name();
  std::size_t slashes = 0;
  while (slashes + 1 < text.size() && text[text.size() - 2 - slashes] == '\\') ++slashes;
  if (text.ends_with('.') && slashes % 2 == 0) return Name::parse(text);
  if (!origin || text.empty()) return std::nullopt;
  return Name::parse(std::string(text) + "." + (origin->view().is_root() ? "" : to_fqdn_text(origin->view())));
}

std::optional<std::uint32_t> parse_ttl(std::string_view text) {
  std::uint64_t total = 0;
  std::uint64_t number = 0;
  bool has_digit = false;
  for (const char c : text) {
    if (is_digit(c)) {
      number = number * 10 + static_cast<std::uint64_t>(c - '0');
      has_digit = true;
    } else {
      if (!has_digit) return std::nullopt;
      switch (c) {
        case 's': case 'S': break;
        case 'm': case 'M': number *= 60; break;
        case 'h': case 'H': number *= 3600; break;
        case 'd': case 'D': number *= 86400; break;
        case 'w': case 'W': number *= 604800; break;
        default: return std::nullopt;
      }
      total += number;
      number = 0;
      has_digit = false;
    }
    if (number > kTtlMax || total > kTtlMax) return std::nullopt;
  }
  total += number;
  if (text.empty() || total > kTtlMax) return std::nullopt;
  return static_cast<std::uint32_t>(total);
}

base::Result<std::vector<std::uint8_t>, std::string> parse_rdata(RrType type, std::span<const ZoneColumn> columns,
                                                                const std::optional<Name>& origin) {
  const std::string name = to_text(type);
  const bool is_generic = !columns.empty() && columns[0].text == "\\#" && !columns[0].is_quoted;
  RdataReader reader(is_generic ? columns.subspan(1) : columns, origin);
  bool ok = true;
  if (is_generic) {
    ok = reader.read_generic();
  } else {
    const Form* form = form_of(type);
    if (form == nullptr)
      return base::Error{"records of type " + name + " are read only in the form `\\# LENGTH HEX` (RFC 3597)"};
    for (const Field field : form->fields)
      if (ok) ok = reader.read(field);
    if (ok && !reader.is_at_end())
      return base::Error{name + ": '" + std::string(reader.next()) +
                         "' is too much; a string with blanks needs quotes"};
  }
  if (!ok) return base::Error{name + ": " + reader.take_error()};
  auto rdata = reader.take();
  if (!is_well_formed_rdata(rdata, 0, rdata.size(), type))
    return base::Error{name + ": these octets are no such data"};
  // A compressed name would point into a message that is not there.
  if (is_generic && layout_with_names(type) != nullptr) {
    std::vector<std::uint8_t> expanded(kRdataBytesMax);
    RecordView record;
    record.message = rdata;
    record.type = type;
    record.rdata_length = static_cast<std::uint16_t>(rdata.size());
    std::size_t written = 0;
    if (!copy_rdata_expanded(record, expanded, written) || written != rdata.size())
      return base::Error{name + ": these octets hold a compressed name"};
  }
  return rdata;
}

}  // namespace rampart::dns
