// Cuts zone text into entries: the columns of one line, or of several that parentheses join (RFC 1035 5.1). Escapes
// stay in the columns, for only their readers know whether a dot or an octet is meant.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace rampart::dns {

struct ZoneColumn {
  std::string_view text;    ///< without its quotes, escapes kept
  bool is_quoted = false;
};

struct ZoneEntry {
  std::vector<ZoneColumn> columns;  ///< never empty after next()
  std::string_view raw;             ///< the text of the entry, comments included
  std::uint64_t line = 0;           ///< where it begins, counted from 1
  bool has_owner = false;           ///< it begins in the first column of the line
};

class ZoneLexer {
 public:
  /// `text` is borrowed; entries are views into it.
  explicit ZoneLexer(std::string_view text) : text_(text) {}

  enum class Outcome : std::uint8_t { kEntry, kEnd, kOpenQuote, kOpenParenthesis, kStrayParenthesis };
  /// The next entry that is not blank. After a fault only `entry.line` counts.
  [[nodiscard]] Outcome next(ZoneEntry& entry);

 private:
  [[nodiscard]] bool read_column(ZoneColumn& column);

  std::string_view text_;
  std::size_t at_ = 0;
  std::uint64_t line_ = 1;
};

}  // namespace rampart::dns
