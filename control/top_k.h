// The most frequent names of a stream in fixed memory: a space-saving sketch (Metwally, Agrawal, El Abbadi 2005).
// It holds `capacity` counters; a new name takes over the smallest counter and remembers it as its possible error.
// Any name with more than total/capacity occurrences is sure to be in it, and no count is too low. While at most
// `capacity` distinct names were seen, all counts are exact.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
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

  /// Moves whole counters only where the heap is out of order, and hashes the name once.
  void add(std::string_view name, std::uint64_t times = 1);
  /// Adds what `other` has seen; the result keeps the guarantee for both streams together.
  void merge(const TopK& other);
  /// The `n` highest by count, ties in alphabetical order.
  [[nodiscard]] std::vector<Entry> top(std::size_t n) const;
  [[nodiscard]] std::size_t size() const noexcept { return counters_.size(); }
  /// Keeps only the `n` highest (for a period that is over and will only be read).
  void shrink(std::size_t n);

 private:
  struct Counter : Entry {
    std::uint64_t hash = 0;
    std::size_t heap_at = 0;
  };
  using Slot = std::uint32_t;  ///< of counters_
  static constexpr Slot kNone = UINT32_MAX;

  /// The place of `name` in index_, or the free place where it belongs.
  [[nodiscard]] std::size_t find(std::string_view name, std::uint64_t hash) const noexcept;
  void insert(Slot slot) noexcept;
  void erase(std::size_t place) noexcept;
  void sift_down(std::size_t at) noexcept;
  void sift_up(std::size_t at) noexcept;
  void put(std::size_t at, Slot slot) noexcept;
  void assign(std::vector<Entry> entries);
  void grow_index(std::size_t counters);

  std::size_t capacity_;
  std::vector<Counter> counters_;
  std::vector<Slot> heap_;   ///< min-heap by count
  std::vector<Slot> index_;  ///< open addressing with linear probing by hash; a power of two, at most half full
};

}  // namespace rampart::control
