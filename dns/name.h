// Domain names in wire format (RFC 1035 3.1, 4.1.4): borrowed views, an owned Name, and FoldedName, the
// lower-cased copy that hashing and matching work on. Case is folded as ASCII only (RFC 4343).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace rampart::dns {

inline constexpr std::size_t kNameBytesMax = 255;  ///< wire format with all length octets and the root
inline constexpr std::size_t kLabelBytesMax = 63;
inline constexpr std::size_t kLabelsMax = 127;

enum class NameError : std::uint8_t {
  kShort,        ///< the message ends inside the name
  kTooLong,      ///< more than 255 octets when expanded
  kBadLabel,     ///< a length octet of the reserved forms 01 and 10 (RFC 6891 5 obsoletes extended labels)
  kBadPointer,   ///< a compression pointer to anything but a whole name before the labels that end in it, or into
                 ///< the header, or one of too many
  kUnexpectedPointer,  ///< compression where the caller allows none (qname)
};

/// An uncompressed wire-format name somewhere in memory; its bytes are already known to be a valid name.
class NameView {
 public:
  constexpr NameView() = default;
  /// Trusts the caller: `wire` is exactly one valid uncompressed name, root label included.
  constexpr explicit NameView(base::ByteView wire) noexcept : wire_(wire) {}
  [[nodiscard]] base::ByteView wire() const noexcept { return wire_; }
  [[nodiscard]] bool is_root() const noexcept { return wire_.size() <= 1; }

 private:
  base::ByteView wire_;
};

/// ASCII case-insensitive comparison (RFC 4343).
[[nodiscard]] bool equal_ignoring_case(NameView a, NameView b) noexcept;
/// True if `name` equals `zone` or lies below it, at a label boundary.
[[nodiscard]] bool is_at_or_below(NameView name, NameView zone) noexcept;

/// Owned name of up to 255 octets, without allocation.
class Name {
 public:
  Name() noexcept { bytes_[0] = 0; }  ///< the root
  explicit Name(NameView view) noexcept;

  /// Reads a name at `offset` of `message`, following compression pointers, each of which must lead to
  /// a whole name before the labels that end in it, so the walk ends. `offset` moves behind the name as it stands in the message.
  /// Spec RFC 1035 4.1.4.  Cost one pass, no allocation.
  [[nodiscard]] static base::Result<Name, NameError> read(base::ByteView message, std::size_t& offset) noexcept;

  /// Presentation format (RFC 1035 5.1: `\.` and `\DDD` escapes); a final dot is optional; "." is the root.
  /// nullopt for empty text, empty labels, labels over 63 or names over 255 octets, bad escapes.
  /// No IDN conversion.
  [[nodiscard]] static std::optional<Name> parse(std::string_view text);

  [[nodiscard]] NameView view() const noexcept { return NameView({bytes_.data(), length_}); }
  [[nodiscard]] base::ByteView wire() const noexcept { return {bytes_.data(), length_}; }

 private:
  std::array<std::uint8_t, kNameBytesMax> bytes_;
  std::uint8_t length_ = 1;
};

/// A lower-cased name with the offset of each label, so that any suffix is a subspan.
/// Left uninitialised on purpose: it lives in pooled query contexts.
struct FoldedName {
  std::array<std::uint8_t, kNameBytesMax + 1> wire;   ///< lower-cased wire format, root label included
  std::array<std::uint8_t, kLabelsMax + 1> label_at;  ///< offset of label i's length octet, leftmost first
  std::uint8_t length = 0;       ///< octets of `wire` in use
  std::uint8_t label_count = 0;  ///< without the root label

  /// Folds a valid name. Cost: one pass of at most 255 octets, no allocation.
  void assign(NameView name) noexcept;
  [[nodiscard]] NameView view() const noexcept { return NameView({wire.data(), length}); }
  /// The name without its first `labels_skipped` labels.
  [[nodiscard]] NameView suffix(std::size_t labels_skipped) const noexcept {
    const std::size_t at = labels_skipped < label_count ? label_at[labels_skipped] : length - 1u;
    return NameView({wire.data() + at, length - at});
  }
};

/// Length of the valid uncompressed name at the start of `wire`, or why there is none. For qnames.
[[nodiscard]] base::Result<std::uint8_t, NameError> measure_uncompressed(base::ByteView wire) noexcept;

/// Walks the possibly compressed name at `offset` without copying it: the same checks and the same move of
/// `offset` as Name::read. Returns its length when expanded.
[[nodiscard]] base::Result<std::uint8_t, NameError> measure(base::ByteView message, std::size_t& offset) noexcept;

/// Presentation format without the final dot ("." for the root), escaped by RFC 1035 5.1, case kept.
[[nodiscard]] std::string to_text(NameView name);
/// The same with the final dot.
[[nodiscard]] std::string to_fqdn_text(NameView name);
/// The same, behind what is in `out`.
void append_fqdn_text(std::string& out, NameView name);

}  // namespace rampart::dns
