// Reads several sorted arrays of hashes as one ascending sequence: each distinct hash once, with the arrays that
// contain it. The pass is sequential in every array, so it runs at the speed of memory, and what lies behind it can
// be given back.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace rampart::blocklists {

class HashMerge {
 public:
  /// Arrays must be sorted and free of duplicates; they are borrowed. The number of an array is its position.
  explicit HashMerge(std::span<const std::span<const std::uint64_t>> arrays) {
    for (std::uint32_t i = 0; i < arrays.size(); ++i) {
      if (!arrays[i].empty()) heap_.push_back({arrays[i].front(), i, arrays[i].data() + 1, arrays[i].data() + arrays[i].size()});
    }
    for (std::size_t i = heap_.size() / 2; i-- > 0;) sift_down(i);
  }

  /// Moves to the next hash; false at the end.
  bool next() {
    owners_.clear();
    if (heap_.empty()) return false;
    hash_ = heap_.front().hash;
    do {
      Head& head = heap_.front();
      owners_.push_back(head.array);
      if (head.next != head.end) {
        head.hash = *head.next++;
      } else {
        heap_.front() = heap_.back();
        heap_.pop_back();
      }
      sift_down(0);
    } while (!heap_.empty() && heap_.front().hash == hash_);
    return true;
  }

  [[nodiscard]] std::uint64_t hash() const noexcept { return hash_; }
  /// The arrays with this hash, ascending.
  [[nodiscard]] std::span<const std::uint32_t> owners() const noexcept { return owners_; }

 private:
  struct Head {
    std::uint64_t hash;
    std::uint32_t array;
    const std::uint64_t* next;
    const std::uint64_t* end;
    [[nodiscard]] bool before(const Head& other) const noexcept {
      return hash != other.hash ? hash < other.hash : array < other.array;
    }
  };

  void sift_down(std::size_t i) noexcept {
    const std::size_t size = heap_.size();
    while (true) {
      std::size_t least = i;
      for (std::size_t child = 2 * i + 1; child < size && child <= 2 * i + 2; ++child) {
        if (heap_[child].before(heap_[least])) least = child;
      }
      if (least == i) return;
      std::swap(heap_[i], heap_[least]);
      i = least;
    }
  }

  std::vector<Head> heap_;
  std::vector<std::uint32_t> owners_;
  std::uint64_t hash_ = 0;
};

}  // namespace rampart::blocklists
