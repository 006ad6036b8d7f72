#include "control/config_forms.h"

#include <re2/re2.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <sstream>

#include "dns/name.h"
#include "dns/presentation.h"

namespace rampart::control {
namespace {

base::Error<std::string> wrong(std::string_view found, std::string_view why) {
  return base::Error{quoted(found) + " " + std::string(why)};
}

/// A password, a connection string, a certificate: never more.
constexpr std::size_t kSecretFileBytesMax = std::size_t{1} << 20;

}  // namespace

std::string yaml_text(std::string_view text) {
  static constexpr std::string_view kSafe =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./+:";
  bool plain = !text.empty() && text.find_first_not_of(kSafe) == std::string_view::npos && text.front() != '-' &&
               text.front() != ':' && text.back() != ':' && text.find(": ") == std::string_view::npos;
  for (const char* word : {"null", "~", "true", "false", "yes", "no", "on", "off", "y", "n"}) {
    if (equals_ignoring_case(text, word)) plain = false;
  }
  if (plain) return std::string(text);
  std::string out = "'";
  for (const char c : text) {
    out += c;
    if (c == '\'') out += c;
  }
  return out + "'";
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    if (lower(a[i]) != lower(b[i])) return false;
  }
  return true;
}

std::string unknown_word(std::string_view found, const std::vector<std::string>& allowed) {
  std::string out = quoted(found) + " is unknown; allowed are ";
  for (std::size_t i = 0; i < allowed.size(); ++i) {
    if (i > 0) out += i + 1 == allowed.size() ? " and " : ", ";
    out += allowed[i];
  }
  if (const auto near = nearest(found, allowed); !near.empty()) out += "; did you mean " + near + "?";
  return out;
}

Parsed<bool> Bool::parse(ReadContext&, std::string_view text) {
  for (const char* yes : {"true", "yes", "on", "y"}) {
    if (equals_ignoring_case(text, yes)) return std::optional(true);
  }
  for (const char* no : {"false", "no", "off", "n"}) {
    if (equals_ignoring_case(text, no)) return std::optional(false);
  }
  return wrong(text, "is neither true nor false");
}

Parsed<std::int64_t> parse_integer(ReadContext& context, std::string_view text, std::int64_t min, std::int64_t max) {
  std::string digits;
  for (const char c : text) {
    if (c != '_') digits += c;
  }
  bool negative = false;
  std::string_view left = digits;
  if (!left.empty() && (left.front() == '-' || left.front() == '+')) {
    negative = left.front() == '-';
    left.remove_prefix(1);
  }
  int radix = 10;
  if (left.size() > 2 && left[0] == '0') {
    radix = left[1] == 'x' ? 16 : left[1] == 'o' ? 8 : left[1] == 'b' ? 2 : 10;
    if (radix != 10) left.remove_prefix(2);
  }
  if (radix == 10 && left.size() > 1 && left[0] == '0') radix = 8;  // YAML 1.1
  std::int64_t value = 0;
  const auto [end, ec] = std::from_chars(left.data(), left.data() + left.size(), value, radix);
  if (ec == std::errc::result_out_of_range) return wrong(text, "is too large a number");
  if (ec != std::errc{} || end != left.data() + left.size() || left.front() == '-') {
    return wrong(text, "is no integer; write digits only, for example 5");
  }
  if (negative) value = -value;
  const std::int64_t low = std::max(min, context.limits.min), high = std::min(max, context.limits.max);
  if (low <= value && value <= high) return std::optional(value);
  std::string why = value < low ? "is below " + std::to_string(low) : "is above " + std::to_string(high);
  if (context.limits.or_default) {
    context.findings.warn(context.place, context.key, quoted(text) + " " + why + "; the default is used");
    return std::optional<std::int64_t>{};
  }
  if (low > std::numeric_limits<std::int32_t>::min() && high < std::numeric_limits<std::uint32_t>::max()) {
    why += "; allowed is " + std::to_string(low) + " to " + std::to_string(high);
  }
  return wrong(text, why);
}

Parsed<Percent> Percentage::parse(ReadContext& context, std::string_view text) {
  auto number = text;
  if (!number.empty() && number.back() == '%') number.remove_suffix(1);
  const auto value = parse_integer(context, number, 0, 1'000'000);
  if (!value.ok()) return base::Error{value.error()};
  if (!value.value()) return std::optional<Percent>{};
  return std::optional(Percent{static_cast<std::uint32_t>(*value.value())});
}

Parsed<ByteSize> Bytes::parse(ReadContext& context, std::string_view text) {
  static constexpr struct {
    std::string_view unit;
    std::uint64_t factor;
  } kUnits[] = {{"KiB", 1ull << 10}, {"MiB", 1ull << 20}, {"GiB", 1ull << 30}, {"TiB", 1ull << 40}, {"KB", 1000},
                {"kB", 1000},        {"MB", 1000'000},    {"GB", 1000'000'000}, {"B", 1},           {"", 1}};
  std::uint64_t number = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
  std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  while (!unit.empty() && unit.front() == ' ') unit.remove_prefix(1);
  for (const auto& known : kUnits) {
    if (ec != std::errc{} || unit != known.unit) continue;
    const std::uint64_t most = std::numeric_limits<std::int64_t>::max();
    if (number > most / known.factor) return wrong(text, "is too large");
    const auto bytes = static_cast<std::int64_t>(number * known.factor);
    if (bytes < context.limits.min) return wrong(text, "is below " + print({static_cast<std::uint64_t>(context.limits.min)}));
    if (bytes > context.limits.max) return wrong(text, "is above " + print({static_cast<std::uint64_t>(context.limits.max)}));
    return std::optional(ByteSize{static_cast<std::uint64_t>(bytes)});
  }
  return wrong(text, "is no size; write a number and KiB, MiB or GiB, for example 64MiB");
}

std::string Bytes::print(ByteSize value) {
  for (const auto& [unit, shift] : {std::pair{"GiB", 30}, {"MiB", 20}, {"KiB", 10}}) {
    if (value.bytes != 0 && value.bytes % (1ull << shift) == 0) return std::to_string(value.bytes >> shift) + unit;
  }
  return std::to_string(value.bytes);
}

void LowerText::read(ReadContext& context, const ConfigNode& node, std::string& out) {
  Text::read(context, node, out);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
}

Parsed<Secret> SecretText::parse(ReadContext&, std::string_view text) {
  if (text.substr(0, 5) != "file:") return std::optional(Secret{std::string(text)});
  text.remove_prefix(5);
  if (text.substr(0, 2) == "//") text.remove_prefix(2);
  const std::string path(text);
  std::ifstream file(path, std::ios::binary);
  const auto failed = [&](const std::string& why) {
    return base::Error{"the secret's file " + quoted(path) + " " + why};
  };
  if (!file) return failed(std::string("cannot be read: ") + std::strerror(errno));
  std::string content(kSecretFileBytesMax + 1, '\0');
  file.read(content.data(), static_cast<std::streamsize>(content.size()));
  if (file.bad()) return failed("cannot be read");
  content.resize(static_cast<std::size_t>(file.gcount()));
  if (content.size() > kSecretFileBytesMax) return failed("is larger than 1 MiB");
  if (!content.empty() && content.back() == '\n') {
    content.pop_back();
    if (!content.empty() && content.back() == '\r') content.pop_back();
  }
  return std::optional(Secret{std::move(content)});
}

Parsed<std::string> Canary::parse(ReadContext&, std::string_view text) {
  const std::string_view name = text.starts_with('!') ? text.substr(1) : text;
  const bool is_plain = std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
  });
  if (base::IpAddress::parse(name)) return wrong(text, "is an IP address; write the domain name that must stay reachable");
  if (!is_plain || name == "." || !dns::Name::parse(name)) {
    return wrong(text, "is no domain name; write it like example.org, without URL or wildcard (xn--… for other scripts), "
                       "or !example.org to take a built-in one away");
  }
  return std::optional(std::string(text));
}

Parsed<std::string> SlashedRegex::parse(ReadContext&, std::string_view text) {
  if (text.size() < 3 || text.front() != '/' || text.back() != '/') {
    return wrong(text, "is no pattern; write it between slashes: /^example\\.org$/");
  }
  text = text.substr(1, text.size() - 2);
  re2::RE2::Options options;
  options.set_log_errors(false);
  const re2::RE2 regex(re2::StringPiece(text.data(), text.size()), options);
  if (!regex.ok()) return wrong(text, "is no regular expression: " + regex.error());
  return std::optional(std::string(text));
}

Parsed<base::IpAddress> Address::parse(ReadContext&, std::string_view text) {
  const auto ip = base::IpAddress::parse(text);
  if (!ip) return wrong(text, "is no IP address");
  return std::optional(*ip);
}

Parsed<base::IpRange> Range::parse(ReadContext&, std::string_view text) {
  const auto range = base::IpRange::parse(text);
  if (!range) return wrong(text, "is neither an IP address nor a range such as 192.0.2.0/24");
  return std::optional(*range);
}

Parsed<dns::RrType> QueryType::parse(ReadContext&, std::string_view text) {
  const auto type = dns::parse_rr_type(text, false);
  std::string upper(text);
  for (char& c : upper) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  }
  if (type && upper == text) return std::optional(*type);
  if (dns::parse_rr_type(upper, false)) return wrong(text, "must be in capitals: " + upper);
  return wrong(text, "is no query type; write a mnemonic such as A, AAAA, HTTPS or MX");
}

std::string QueryType::print(dns::RrType value) { return dns::to_text(value); }

Parsed<resolver::UpstreamSpec> Upstream::parse(ReadContext&, std::string_view text) {
  auto spec = resolver::parse_upstream(text);
  if (!spec.ok()) return base::Error{spec.error()};
  return std::optional(std::move(spec).value());
}

std::string Upstream::print(const resolver::UpstreamSpec& value) {
  return yaml_text(resolver::to_text(value) + (value.common_name.empty() ? "" : "#" + value.common_name));
}

Parsed<std::optional<resolver::UpstreamSpec>> OptionalUpstream::parse(ReadContext& context, std::string_view text) {
  using Maybe = std::optional<resolver::UpstreamSpec>;
  if (text.empty()) return std::optional<Maybe>(Maybe{});
  auto spec = Upstream::parse(context, text);
  if (!spec.ok()) return base::Error{spec.error()};
  return std::optional<Maybe>(std::move(spec).value());
}

Parsed<blocklists::SourceSpec> ListSourceText::parse(ReadContext&, std::string_view text) {
  using blocklists::SourceKind;
  if (text.find('\n') != std::string_view::npos) {
    return std::optional(blocklists::SourceSpec{SourceKind::kInline, std::string(text)});
  }
  if (text.substr(0, 4) == "http") return std::optional(blocklists::SourceSpec{SourceKind::kHttp, std::string(text)});
  if (text.substr(0, 7) == "file://") text.remove_prefix(7);
  if (text.empty()) return wrong(text, "is no source; write a URL, a path, or a block of lines behind '|'");
  return std::optional(blocklists::SourceSpec{SourceKind::kFile, std::string(text)});
}

Parsed<resolver::BlockAnswer> BlockType::parse(ReadContext& context, std::string_view text) {
  using Kind = resolver::BlockAnswer::Kind;
  resolver::BlockAnswer answer;
  if (equals_ignoring_case(text, "zeroIP")) return std::optional(answer);
  if (equals_ignoring_case(text, "nxDomain")) {
    answer.kind = Kind::kNxDomain;
    return std::optional(answer);
  }
  const auto addresses = CommaList<Address>::parse(context, text);
  if (!addresses.ok()) return wrong(text, "is an unknown blockType; write zeroIP, nxDomain, or IP addresses separated by commas");
  answer.kind = Kind::kAddresses;
  for (const auto& ip : *addresses.value()) (ip.is_v4() ? answer.v4 : answer.v6).push_back(ip);
  return std::optional(answer);
}

std::string BlockType::print(const resolver::BlockAnswer& value) {
  using Kind = resolver::BlockAnswer::Kind;
  if (value.kind == Kind::kZeroIp) return "zeroIP";
  if (value.kind == Kind::kNxDomain) return "nxDomain";
  std::string out;
  for (const auto* family : {&value.v4, &value.v6}) {
    for (const auto& ip : *family) out += (out.empty() ? "" : ",") + ip.to_string();
  }
  return "'" + out + "'";
}

}  // namespace rampart::control
