#include "dns/zone_text.h"

#include <charconv>
#include <optional>

#include "dns/presentation.h"
#include "dns/rdata_parse.h"
#include "dns/zone_lexer.h"

namespace rampart::dns {
namespace {

std::string upper(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return out;
}

std::string quoted(std::string_view text) {
  constexpr std::size_t kShown = 60;
  std::string out = "'";
  for (const char c : text.substr(0, kShown)) out += c >= ' ' && c <= '~' ? c : '?';
  return out + (text.size() > kShown ? "...'" : "'");
}

/// What $GENERATE counts through: `first-last` or `first-last/step`.
struct Count {
  std::uint32_t first = 0;
  std::uint32_t last = 0;
  std::uint32_t step = 1;

  static std::optional<Count> parse(std::string_view text) {
    Count count;
    const auto take = [&text](std::uint32_t& number) {
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
      if (error != std::errc() || number > 0x7fffffff) return false;
      text.remove_prefix(static_cast<std::size_t>(end - text.data()));
      return true;
    };
    const auto skip = [&text](char c) {
      if (!text.starts_with(c)) return false;
      text.remove_prefix(1);
      return true;
    };
    if (!take(count.first) || !skip('-') || !take(count.last)) return std::nullopt;
    if (skip('/') && !take(count.step)) return std::nullopt;
    if (!text.empty() || count.first > count.last || count.step == 0) return std::nullopt;
    return count;
  }
};

/// One turn of a template: `$` is the number, `\$` a dollar, `${offset,width,base}` the number otherwise (d, o, x,
/// X).
std::optional<std::string> expand(std::string_view pattern, std::uint32_t number) {
  std::string out;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == '\\' && i + 1 < pattern.size()) {
      if (pattern[i + 1] != '$') out += '\\';
      out += pattern[++i];
      continue;
    }
    if (pattern[i] != '$') {
      out += pattern[i];
      continue;
    }
    std::int64_t offset = 0;
    unsigned width = 0;
    char base = 'd';
    if (i + 1 < pattern.size() && pattern[i + 1] == '{') {
      const auto close = pattern.find('}', i);
      if (close == std::string_view::npos) return std::nullopt;
      const std::string_view inner = pattern.substr(i + 2, close - i - 2);
      const char* const end = inner.data() + inner.size();
      auto at = std::from_chars(inner.data(), end, offset);
      if (at.ec != std::errc()) return std::nullopt;
      if (at.ptr != end && *at.ptr == ',') at = std::from_chars(at.ptr + 1, end, width);
      if (at.ec != std::errc() || width > 255) return std::nullopt;
      if (at.ptr != end && *at.ptr == ',' && end - at.ptr == 2) {
        base = at.ptr[1];
        at.ptr += 2;
      }
      if (at.ptr != end || std::string_view("doxX").find(base) == std::string_view::npos) return std::nullopt;
      i = close;
    }
    if (offset > 0x7fffffff || offset < -0x7fffffff) return std::nullopt;
    const std::int64_t value = offset + number;
    if (value < 0 || value > 0x7fffffff) return std::nullopt;
    char digits[16];
    const int radix = base == 'd' ? 10 : base == 'o' ? 8 : 16;
    const auto [end, error] = std::to_chars(digits, digits + sizeof(digits), value, radix);
    std::string text(digits, end);
    if (base == 'X') text = upper(text);
    if (text.size() < width) text.insert(0, width - text.size(), '0');
    out += text;
  }
  return out;
}

class ZoneReader {
 public:
  explicit ZoneReader(const ZoneTextOptions& options) : options_(options) {}

  bool read(std::string_view text, const std::string& file, unsigned depth) {
    bytes_ += text.size();
    if (bytes_ > options_.limits.bytes_max)
      return stop(file, 1, "more than " + std::to_string(options_.limits.bytes_max >> 20) + " MiB of zone text");
    ZoneLexer lexer(text);
    ZoneEntry entry;
    for (;;) {
      switch (lexer.next(entry)) {
        case ZoneLexer::Outcome::kEnd: return true;
        case ZoneLexer::Outcome::kOpenQuote: return stop(file, entry.line, "a quote is not closed on its line");
        case ZoneLexer::Outcome::kOpenParenthesis: return stop(file, entry.line, "a parenthesis is not closed");
        case ZoneLexer::Outcome::kStrayParenthesis:
          return stop(file, entry.line, "a parenthesis within another, or a closing one without its opening one");
        case ZoneLexer::Outcome::kEntry: break;
      }
      file_ = &file;
      line_ = entry.line;
      if (!read_entry(entry, file, depth) && (is_over_ || faults_.size() >= kZoneFaultsMax)) return false;
    }
  }

  [[nodiscard]] std::vector<ZoneRecord> take() { return std::move(records_); }
  [[nodiscard]] std::vector<ZoneFault> take_faults() { return std::move(faults_); }

 private:
  bool fail(const std::string& file, std::uint64_t line, std::string what) {
    faults_.push_back({file, line, std::move(what)});
    return false;
  }
  bool fail(std::string what) { return fail(*file_, line_, std::move(what)); }
  bool stop(const std::string& file, std::uint64_t line, std::string what) {
    is_over_ = true;
    return fail(file, line, std::move(what));
  }
  bool stop(std::string what) { return stop(*file_, line_, std::move(what)); }

  bool read_entry(const ZoneEntry& entry, const std::string& file, unsigned depth) {
    const ZoneColumn& first = entry.columns[0];
    if (first.is_quoted || !first.text.starts_with('$')) return read_record(entry);
    const std::string directive = upper(first.text);
    const auto count = entry.columns.size();
    if (directive == "$GENERATE") return generate(entry);
    if (count < 2) return stop(directive + " stands alone; it needs a value");
    const std::string_view value = entry.columns[1].text;
    if (directive == "$TTL") {
      default_ttl_ = parse_ttl(value);
      return (default_ttl_ && count == 2) || stop("$TTL needs one time (3600, 1h, 1d12h), not " + quoted(value));
    }
    if (directive == "$ORIGIN") {
      const auto origin = parse_relative_name(value, origin_);
      if (!origin || count != 2)
        return stop("$ORIGIN needs one domain name with a final dot, not " + quoted(value));
      origin_ = origin;
      return true;
    }
    if (directive == "$INCLUDE") return include(entry, file, depth);
    return fail("the directive " + quoted(first.text) + " is unknown (known: $ORIGIN, $TTL, $INCLUDE, $GENERATE)");
  }

  // RFC 1035 5.1: neither the origin nor the last owner of the file comes back to the text that includes it.
  bool include(const ZoneEntry& entry, const std::string& file, unsigned depth) {
    const std::string path(entry.columns[1].text);
    if (entry.columns.size() > 3) return fail("$INCLUDE needs a file and perhaps an origin, nothing else");
    auto origin = origin_;
    if (entry.columns.size() == 3) {
      origin = parse_relative_name(entry.columns[2].text, origin_);
      if (!origin)
        return fail(quoted(entry.columns[2].text) + " is no origin; write a domain name with a final dot");
    }
    if (!options_.include) return fail("$INCLUDE " + quoted(path) + ": no files can be included here");
    if (depth >= options_.limits.include_depth_max)
      return fail("$INCLUDE " + quoted(path) + ": files include one another more than " +
                  std::to_string(options_.limits.include_depth_max) + " deep");
    auto text = options_.include(path);
    if (!text.ok()) return fail("$INCLUDE " + quoted(path) + ": " + text.error());
    std::swap(origin, origin_);
    const auto owner = owner_;
    if (!read(*text, path, depth + 1)) return false;
    std::swap(origin, origin_);
    owner_ = owner;
    file_ = &file;
    line_ = entry.line;
    return true;
  }

  bool generate(const ZoneEntry& entry) {
    const auto count = entry.columns.size() < 4 ? std::nullopt : Count::parse(entry.columns[1].text);
    if (!count)
      return fail("$GENERATE needs FIRST-LAST or FIRST-LAST/STEP, then the owner, the type and the data of a record");
    const std::string_view& range = entry.columns[1].text;
    const auto from = static_cast<std::size_t>(range.data() + range.size() - entry.raw.data());
    std::string_view pattern = entry.raw.substr(from);
    pattern.remove_prefix(std::min(pattern.find_first_not_of(" \t"), pattern.size()));
    for (std::uint64_t number = count->first; number <= count->last; number += count->step) {
      const auto text = expand(pattern, static_cast<std::uint32_t>(number));
      if (!text)
        return fail("$GENERATE: " + quoted(pattern) + " cannot be expanded; write $ or ${OFFSET,WIDTH,d|o|x|X}");
      bytes_ += text->size();
      if (bytes_ > options_.limits.bytes_max) return stop("$GENERATE makes more text than is allowed");
      ZoneLexer lexer(*text);
      ZoneEntry made;
      if (lexer.next(made) != ZoneLexer::Outcome::kEntry || !made.has_owner)
        return fail("$GENERATE: " + quoted(*text) + " is no record");
      if (!read_record(made)) return false;
      if (lexer.next(made) != ZoneLexer::Outcome::kEnd) return fail("$GENERATE: one record at a time");
    }
    return true;
  }

  // [owner] [TTL] [class] type RDATA, with TTL and class in either order.
  bool read_record(const ZoneEntry& entry) {
    std::span<const ZoneColumn> columns(entry.columns);
    if (entry.has_owner) {
      const auto owner = parse_relative_name(columns[0].text, origin_);
      if (!owner && !origin_ && parse_relative_name(columns[0].text, Name()))
        return fail("the owner " + quoted(columns[0].text) +
                    " is relative, but there is no $ORIGIN; end it with a dot");
      if (!owner) return fail("the owner " + quoted(columns[0].text) + " is no domain name");
      owner_ = owner;
      columns = columns.subspan(1);
    }
    if (!owner_) return fail("the record has no owner, and none stands before it");
    std::optional<std::uint32_t> ttl;
    bool has_class = false;
    std::optional<RrType> type;
    for (; !columns.empty() && !type; columns = columns.subspan(1)) {
      const std::string word = upper(columns[0].text);
      if (const auto time = ttl ? std::nullopt : parse_ttl(word)) {
        ttl = time;
      } else if (!has_class && (word == "IN" || word == "CLASS1")) {
        has_class = true;
      } else if (word == "CH" || word == "HS" || word == "CS" || word == "ANY") {
        return fail("the class " + word + " has no place here; only IN has");
      } else if (type = parse_rr_type(word); !type) {
        return fail(quoted(columns[0].text) + " is no record type, TTL or class");
      }
    }
    if (!type) return fail("the record has no type");
    const auto value = static_cast<std::uint16_t>(*type);
    if (value == 0 || *type == RrType::kOpt || (value >= 249 && value <= 255))  // RFC 6895 3.1
      return fail("records cannot be of the type " + to_text(*type));
    if (ttl) last_ttl_ = ttl;
    else ttl = default_ttl_ ? default_ttl_ : last_ttl_;
    if (!ttl) return fail("the record has no TTL, and none stands before it; write one, or `$TTL 1h` above");
    auto rdata = parse_rdata(*type, columns, origin_);
    if (!rdata.ok()) return fail(rdata.error());
    if (records_.size() >= options_.limits.records_max)
      return stop("more than " + std::to_string(options_.limits.records_max) + " records");
    records_.push_back({*owner_, *type, *ttl, std::move(rdata).value()});
    return true;
  }

  const ZoneTextOptions& options_;
  std::optional<Name> origin_;
  std::optional<Name> owner_;
  std::optional<std::uint32_t> default_ttl_;
  std::optional<std::uint32_t> last_ttl_;
  std::vector<ZoneRecord> records_;
  std::size_t bytes_ = 0;
  const std::string* file_ = nullptr;
  std::uint64_t line_ = 0;
  std::vector<ZoneFault> faults_;
  bool is_over_ = false;
};

}  // namespace

base::Result<std::vector<ZoneRecord>, std::vector<ZoneFault>> parse_zone(std::string_view text,
                                                                         const ZoneTextOptions& options) {
  ZoneReader reader(options);
  const std::string itself;
  reader.read(text, itself, 0);
  if (auto faults = reader.take_faults(); !faults.empty()) return base::Error{std::move(faults)};
  return reader.take();
}

}  // namespace rampart::dns
