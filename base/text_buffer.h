// A text that is built anew for each of many queries: it keeps its memory, and appending a short piece is a few
// moves where std::string::append is a call.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string_view>
#include <utility>

#include "base/plain_text.h"

namespace rampart::base {

class TextBuffer {
 public:
  void clear() noexcept { size_ = 0; }
  void append(std::string_view text) {
    if (capacity_ - size_ < text.size()) [[unlikely]] grow(text.size());
    put_text(octets_.get() + size_, text);
    size_ += text.size();
  }
  /// Valid until the next append().
  [[nodiscard]] std::string_view view() const noexcept { return {octets_.get(), size_}; }

 private:
  [[gnu::noinline]] void grow(std::size_t more) {
    const std::size_t capacity = std::max(size_ + more, capacity_ * 2);
    auto octets = std::make_unique_for_overwrite<char[]>(capacity);
    put_text(octets.get(), view());
    octets_ = std::move(octets);
    capacity_ = capacity;
  }

  static constexpr std::size_t kStartBytes = 256;
  std::size_t size_ = 0;
  std::size_t capacity_ = kStartBytes;
  std::unique_ptr<char[]> octets_ = std::make_unique_for_overwrite<char[]>(kStartBytes);
};

}  // namespace rampart::base
