// Writes names into a message so that those seen before become pointers (RFC 1035 4.1.4). It remembers the
// offsets of labels it wrote, not the names: the message itself is the dictionary.
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "dns/name.h"

namespace rampart::dns {

class NameCompressor {
 public:
  /// `message` is the whole buffer from its header on; the question's name stands at offset 12, uncompressed,
  /// if `has_question`. No work is done before the first put().
  NameCompressor(base::MutableBytes message, bool has_question) noexcept
      : message_(message), question_is_noted_(!has_question) {}

  /// Appends `name` at `at`, which moves on; nothing at `limit` or behind is touched. Returns false if it does
  /// not fit: the caller then returns to its mark.
  bool put(NameView name, std::size_t& at, std::size_t limit) noexcept;

  /// Everything put after mark() is forgotten by return_to(), when its octets are given up.
  [[nodiscard]] std::size_t mark() const noexcept { return count_; }
  void return_to(std::size_t mark) noexcept { count_ = mark < count_ ? mark : count_; }

 private:
  void note_question() noexcept;

  // Enough for every answer that we make ourselves and for most of the others; later names are written in full,
  // and the search of a hostile message's names stays short.
  static constexpr std::size_t kLabelsNotedMax = 64;
  base::MutableBytes message_;
  std::size_t count_ = 0;
  bool question_is_noted_;
  std::uint16_t label_at_[kLabelsNotedMax];
};

}  // namespace rampart::dns
