// Reads several sorted sequences of hashes as one ascending sequence: each distinct hash once, with the sequences
// that contain it. What is in memory is read where it stands, what is in an archive through a small buffer, so that
// the pass needs no more memory than that, however long the sequences are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "blocklists/source_archive.h"

namespace rampart::blocklists {

/// Sorted hashes without duplicates; borrowed.
struct HashSequence {
  std::span<const std::uint64_t> memory;   ///< all of them, if there is no archive
  const SourceArchive* archive = nullptr;  ///< else there, `count` from number `first` on
  std::size_t first = 0;
  std::size_t count = 0;

  static HashSequence in_memory(std::span<const std::uint64_t> hashes) noexcept {
    return {.memory = hashes, .count = hashes.size()};
  }
};

class HashMerge {
 public:
  /// All buffers together, however many archives there are, but for one page each.
  static constexpr std::size_t kBufferBytesMax = 1 << 20;

  /// The number of a sequence is its position.
  explicit HashMerge(std::span<const HashSequence> sequences);

  /// Moves to the next hash; false at the end, and where an archive cannot be read.
  bool next() {
    owners_.clear();
    if (heap_.empty()) return false;
    hash_ = heap_.front().hash;
    do {
      Head& head = heap_.front();
      owners_.push_back(head.sequence);
      if (head.next != head.end || refill(head)) [[likely]] {
        head.hash = *head.next++;
      } else if (!failure_) {
        heap_.front() = heap_.back();
        heap_.pop_back();
      } else {
        heap_.clear();
      }
      sift_down(0);
    } while (!heap_.empty() && heap_.front().hash == hash_);
    return true;
  }

  [[nodiscard]] std::uint64_t hash() const noexcept { return hash_; }
  /// The sequences with this hash, ascending.
  [[nodiscard]] std::span<const std::uint32_t> owners() const noexcept { return owners_; }

  struct Failure {
    std::uint32_t sequence;
    std::string why;
  };
  /// To be asked at the end: the archive that could not be read, if there was one.
  [[nodiscard]] const std::optional<Failure>& failure() const noexcept { return failure_; }

 private:
  struct Head {
    std::uint64_t hash;
    std::uint32_t sequence;
    const std::uint64_t* next;
    const std::uint64_t* end;
    [[nodiscard]] bool before(const Head& other) const noexcept {
      return hash != other.hash ? hash < other.hash : sequence < other.sequence;
    }
  };
  /// What of a sequence is still in its archive.
  struct Rest {
    HashSequence sequence;
    std::size_t buffer_size = 0;
    std::unique_ptr<std::uint64_t[]> buffer;
  };

  [[nodiscard]] bool refill(Head& head);

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
  std::vector<Rest> rests_;  ///< by sequence
  std::vector<std::uint32_t> owners_;
  std::optional<Failure> failure_;
  std::uint64_t hash_ = 0;
};

}  // namespace rampart::blocklists
