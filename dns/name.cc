#include "dns/name.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/plain_text.h"
#include "dns/types.h"

namespace rampart::dns {
namespace {

// Length octets are below 64 and so never look like 'A'..'Z': a whole wire name can be folded without regard to
// where its labels begin.
using base::fold_word;

std::uint64_t load_word(const std::uint8_t* p) noexcept {
  std::uint64_t word;
  std::memcpy(&word, p, sizeof word);
  return word;
}

constexpr std::uint8_t fold_octet(std::uint8_t c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<std::uint8_t>(c | 0x20) : c;
}

bool equal_folded(const std::uint8_t* a, const std::uint8_t* b, std::size_t length) noexcept {
  if (length < 8) {
    for (std::size_t i = 0; i < length; ++i)
      if (fold_octet(a[i]) != fold_octet(b[i])) return false;
    return true;
  }
  std::size_t i = 0;
  for (; i + 8 <= length; i += 8)
    if (fold_word(load_word(a + i)) != fold_word(load_word(b + i))) return false;
  // The last word overlaps the one before it, so nothing beyond the names is read.
  return fold_word(load_word(a + length - 8)) == fold_word(load_word(b + length - 8));
}

/// Walks a possibly compressed name and hands each label (length octet included) and at last the root label to
/// `sink`. A pointer leads to a prior occurrence (RFC 1035 4.1.4): what it leads to must lie, whole, before the
/// labels that end in it. So the walk cannot loop, and no name depends on octets behind its own start, such as
/// its record's TTL, which caches change.
template <class Sink>
base::Result<std::uint8_t, NameError> walk_name(base::ByteView message, std::size_t& offset, Sink sink) noexcept {
  // A name has at most 127 labels, and no honest writer needs more than one pointer before each and one
  // before the root; without this bound a chain of thousands of pointers could be read for each record.
  constexpr unsigned kPointersMax = kLabelsMax + 1;
  std::size_t at = offset;
  std::size_t run_start = at;          // of the labels that are being read
  std::size_t limit = message.size();  // where they must have ended
  std::size_t end = 0;                 // behind the name as it stands, known at its first pointer
  std::size_t length = 0;
  unsigned pointers = 0;
  const auto beyond = [&] { return base::Error{pointers == 0 ? NameError::kShort : NameError::kBadPointer}; };
  for (;;) {
    if (at >= limit) return beyond();
    const std::uint8_t octet = message[at];
    if (octet < 0x40) {
      const std::size_t label = octet + std::size_t{1};
      if (limit - at < label) return beyond();
      // One octet is kept for the root label.
      if (length + label > kNameBytesMax - (octet != 0 ? 1u : 0u)) return base::Error{NameError::kTooLong};
      sink(&message[at], label);
      length += label;
      at += label;
      if (octet == 0) break;
    } else if (octet >= 0xc0) {
      if (limit - at < 2) return beyond();
      const std::size_t target = base::load_u16(&message[at]) & 0x3fff;
      if (end == 0) end = at + 2;
      // No name begins in the header, whose octets (ID, flags) change under way.
      if (target >= run_start || target < kHeaderBytes || ++pointers > kPointersMax)
        return base::Error{NameError::kBadPointer};
      limit = run_start;
      at = run_start = target;
    } else {
      return base::Error{NameError::kBadLabel};
    }
  }
  offset = end != 0 ? end : at;
  return static_cast<std::uint8_t>(length);
}

constexpr bool is_special(std::uint8_t c) noexcept {
  return c == '.' || c == '\\' || c == '"' || c == ';' || c == '(' || c == ')' || c == '@' || c == '\'' || c == ' ';
}

/// Octets that stand for themselves in a name's text.
constexpr auto kPlain = [] {
  std::array<bool, 256> plain{};
  for (unsigned c = '!'; c < 0x7f; ++c) plain[c] = !is_special(static_cast<std::uint8_t>(c));
  return plain;
}();

void append_escaped(std::string& out, std::uint8_t c) {
  if (is_special(c)) {
    out += '\\';
    out += static_cast<char>(c);
  } else if (c > ' ' && c < 0x7f) {
    out += static_cast<char>(c);
  } else {
    out += '\\';
    out += static_cast<char>('0' + c / 100);
    out += static_cast<char>('0' + c / 10 % 10);
    out += static_cast<char>('0' + c % 10);
  }
}

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

}  // namespace

bool equal_ignoring_case(NameView a, NameView b) noexcept {
  return a.wire().size() == b.wire().size() && equal_folded(a.wire().data(), b.wire().data(), a.wire().size());
}

bool is_at_or_below(NameView name, NameView zone) noexcept {
  const base::ByteView wire = name.wire();
  if (zone.is_root()) return true;
  if (wire.size() < zone.wire().size()) return false;
  const std::size_t zone_at = wire.size() - zone.wire().size();
  std::size_t at = 0;
  while (at < zone_at) at += wire[at] + std::size_t{1};
  return at == zone_at && equal_folded(wire.data() + at, zone.wire().data(), zone.wire().size());
}

Name::Name(NameView view) noexcept {
  const base::ByteView wire = view.wire();
  if (wire.empty() || wire.size() > kNameBytesMax) {
    bytes_[0] = 0;  // a default-constructed view stands for the root
    return;
  }
  std::memcpy(bytes_.data(), wire.data(), wire.size());
  length_ = static_cast<std::uint8_t>(wire.size());
}

base::Result<Name, NameError> Name::read(base::ByteView message, std::size_t& offset) noexcept {
  Name name;
  std::uint8_t* out = name.bytes_.data();
  const auto length = walk_name(message, offset, [&out](const std::uint8_t* label, std::size_t octets) {
    std::memcpy(out, label, octets);
    out += octets;
  });
  if (!length) return base::Error{length.error()};
  name.length_ = *length;
  return name;
}

std::optional<Name> Name::parse(std::string_view text) {
  if (text.empty()) return std::nullopt;
  Name name;
  if (text == ".") return name;
  std::size_t label_at = 0;  // where the length octet of the current label goes
  std::size_t out = 1;
  const auto close_label = [&]() {
    const std::size_t octets = out - label_at - 1;
    if (octets == 0 || octets > kLabelBytesMax) return false;
    name.bytes_[label_at] = static_cast<std::uint8_t>(octets);
    label_at = out++;
    return true;
  };
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::uint8_t octet = static_cast<std::uint8_t>(text[i]);
    if (octet == '.') {
      if (!close_label()) return std::nullopt;
      continue;
    }
    if (octet == '\\') {
      if (++i >= text.size()) return std::nullopt;
      octet = static_cast<std::uint8_t>(text[i]);
      if (is_digit(text[i])) {
        if (text.size() - i < 3 || !is_digit(text[i + 1]) || !is_digit(text[i + 2])) return std::nullopt;
        const int value = (text[i] - '0') * 100 + (text[i + 1] - '0') * 10 + (text[i + 2] - '0');
        if (value > 255) return std::nullopt;
        octet = static_cast<std::uint8_t>(value);
        i += 2;
      }
    }
    if (out >= kNameBytesMax - 1) return std::nullopt;  // the root label must still fit
    name.bytes_[out++] = octet;
  }
  // Without a final dot the last label is still open; with one, an empty label has just begun.
  if (out - label_at > 1 && !close_label()) return std::nullopt;
  name.bytes_[label_at] = 0;
  name.length_ = static_cast<std::uint8_t>(label_at + 1);
  return name;
}

void FoldedName::assign(NameView name) noexcept {
  const base::ByteView source = name.wire();
  const std::size_t octets = source.size() <= kNameBytesMax ? source.size() : 0;
  std::uint8_t* out = wire.data();
  base::fold_text(base::as_text(source.first(octets)), reinterpret_cast<char*>(out));
  if (octets == 0) out[0] = 0;
  length = static_cast<std::uint8_t>(octets != 0 ? octets : 1);
  std::size_t count = 0;
  for (std::size_t at = 0; out[at] != 0; at += out[at] + std::size_t{1})
    label_at[count++] = static_cast<std::uint8_t>(at);
  label_count = static_cast<std::uint8_t>(count);
}

base::Result<std::uint8_t, NameError> measure_uncompressed(base::ByteView wire) noexcept {
  std::size_t at = 0;
  for (;;) {
    if (at >= wire.size()) return base::Error{NameError::kShort};
    const std::uint8_t octet = wire[at];
    if (octet == 0) return static_cast<std::uint8_t>(at + 1);
    if (octet >= 0xc0) return base::Error{NameError::kUnexpectedPointer};
    if (octet >= 0x40) return base::Error{NameError::kBadLabel};
    at += octet + std::size_t{1};
    if (at >= kNameBytesMax) return base::Error{NameError::kTooLong};
  }
}

base::Result<std::uint8_t, NameError> measure(base::ByteView message, std::size_t& offset) noexcept {
  return walk_name(message, offset, [](const std::uint8_t*, std::size_t) {});
}

std::string to_text(NameView name) {
  if (name.is_root()) return ".";
  std::string text = to_fqdn_text(name);
  text.pop_back();
  return text;
}

std::string to_fqdn_text(NameView name) {
  std::string text;
  append_fqdn_text(text, name);
  return text;
}

void append_fqdn_text(std::string& out, NameView name) {
  if (name.is_root()) {
    out += '.';
    return;
  }
  // Hardly any name has something to escape: its text is the wire format behind the first length, with dots in
  // place of the other lengths and of the root.
  const base::ByteView wire = name.wire();
  const std::size_t start = out.size();
  out.append(base::as_text(wire.subspan(1)));
  char* const text = out.data() + start;
  bool is_plain = true;
  std::size_t at = 0;
  while (at + 1 < wire.size()) {
    const std::size_t next = std::min<std::size_t>(at + wire[at] + 1, wire.size() - 1);
    for (std::size_t i = at + 1; i < next; ++i) is_plain &= kPlain[wire[i]];
    text[next - 1] = '.';
    at = next;
  }
  if (is_plain) [[likely]] return;
  out.resize(start);
  for (at = 0; at + 1 < wire.size(); at += wire[at] + std::size_t{1}) {
    for (const std::uint8_t c : wire.subspan(at + 1, std::min<std::size_t>(wire[at], wire.size() - at - 1)))
      append_escaped(out, c);
    out += '.';
  }
}

}  // namespace rampart::dns
