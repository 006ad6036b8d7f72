// The most frequent names of a stream in fixed memory: a space-saving sketch (Metwally, Agrawal, El Abbadi 2005).
// It holds `capacity` counters; a new name takes over the smallest counter and remembers it as its possible error.
// Any name with more than total/capacity occurrences is sure to be in it, and no count is too low. While at most
// `capacity` distinct names were seen, all counts are exact.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace rampart::control {

class TopK {
 public:
  struct Entry {
    std::string name;
    std::uint64_t count = 0;
    std::uint64_t error = 0;  ///< the true count is at least count - error
  };

  explicit TopK(std::size_t capacity) : capacity_(capacity) {}

  void add(std::string_view name, std::uint64_t times = 1);
  /// Adds what `other` has seen; the result keeps the guarantee for both streams together.
  void merge(const TopK& other);
  /// The `n` highest by count, ties in alphabetical order.
  [[nodiscard]] std::vector<Entry> top(std::size_t n) const;
  [[nodiscard]] std::size_t size() const noexcept { return heap_.size(); }
  /// Keeps only the `n` highest (for a period that is over and will only be read).
  void shrink(std::size_t n);

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view s) const noexcept { return std::hash<std::string_view>{}(s); }
  };

  void sift_down(std::size_t at);
  void sift_up(std::size_t at);
  void place(std::size_t at, Entry entry);

  std::size_t capacity_;
  std::vector<Entry> heap_;  ///< min-heap by count
  std::unordered_map<std::string, std::size_t, Hash, std::equal_to<>> index_;  ///< name -> place in heap_
};

}  // namespace rampart::control
