// The index of names: from the keyed 64-bit hash of a name to the id of its rule set, 8 octets a name.
//
// A bucket is one cache line: nine entries of 56 bits (46-bit fingerprint, 10-bit id), and 8 overflow bits. The
// bucket is chosen by the high bits of the hash, the fingerprint is its low bits: from about 2 million names on no
// bit of the hash is lost, below that a name that is not listed meets a false hit once in about 10^13 probes. An
// entry that finds its bucket full moves on to the next one and sets one overflow bit, chosen by its fingerprint,
// in each bucket it passed, so that a search only goes on where something did.
//
// In front stands a blocked bloom filter, 12 bits a name and 5 of them asked, in two words of one cache line: it spares
// the table for all but one in 160 of the names that are not listed.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#include "blocklists/page_array.h"

namespace rampart::blocklists {

class NameTable {
 public:
  /// Ids from here on do not fit into an entry and go to a side table.
  static constexpr std::uint32_t kInlineIds = 1023;

  NameTable() : NameTable(0) {}
  /// Room for exactly `count` names.
  explicit NameTable(std::size_t count);

  /// Puts a name that is not in the table yet; hashes must come in ascending order. `id` > 0.
  void append(std::uint64_t hash, std::uint32_t id);

  /// False if the name is certainly not in the table; asks the bloom filter only.
  [[nodiscard]] bool may_contain(std::uint64_t hash) const noexcept {
    const Line& line = memory_[place(hash, line_count_)];
    const FilterBits bits = filter_bits(hash);
    return ((~line.words[bits.word[0]] & bits.mask[0]) | (~line.words[bits.word[1]] & bits.mask[1])) == 0;
  }
  /// The id, or 0; asks the buckets only.
  [[nodiscard]] std::uint32_t find(std::uint64_t hash) const noexcept;
  void prefetch_filter(std::uint64_t hash) const noexcept {
    __builtin_prefetch(&memory_[place(hash, line_count_)]);
  }
  void prefetch_bucket(std::uint64_t hash) const noexcept {
    __builtin_prefetch(bucket(place(hash, bucket_count_)));
  }

  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return memory_.bytes() + side_.capacity() * sizeof(SideEntry);
  }
  [[nodiscard]] std::size_t side_count() const noexcept { return side_.size(); }

 private:
  static constexpr std::size_t kSlots = 9;
  static constexpr unsigned kIdBits = 10;
  static constexpr unsigned kFingerprintBits = 46;
  static constexpr std::uint64_t kIdMask = (std::uint64_t{1} << kIdBits) - 1;
  static constexpr std::uint64_t kFingerprintMask = (std::uint64_t{1} << kFingerprintBits) - 1;
  static constexpr double kLoad = 0.88;
  static constexpr std::size_t kFilterBits = 12;

  struct alignas(64) Line {
    std::uint64_t words[8];
  };
  static constexpr std::size_t kOverflowAt = 63;  ///< in a bucket; entry i stands at 7 * i, little-endian
  struct SideEntry {
    std::uint64_t hash;
    std::uint32_t id;
  };

  /// The bits of a name in its line of the filter: three in one word of it, two in another (or the same).
  struct FilterBits {
    std::array<std::size_t, 2> word;
    std::array<std::uint64_t, 2> mask;
  };
  static FilterBits filter_bits(std::uint64_t hash) noexcept {
    const auto bit = [hash](unsigned at) noexcept { return std::uint64_t{1} << ((hash >> at) & 63); };
    return {{hash & 7, (hash >> 3) & 7}, {bit(6) | bit(12) | bit(18), bit(24) | bit(30)}};
  }

  static std::size_t place(std::uint64_t hash, std::size_t count) noexcept {
    return static_cast<std::size_t>((static_cast<unsigned __int128>(hash) * count) >> 64);
  }
  static std::uint64_t entry(const std::uint8_t* bucket, std::size_t slot) noexcept {
    std::uint64_t word;
    std::memcpy(&word, bucket + 7 * slot, 8);
    return word;
  }
  [[nodiscard]] const std::uint8_t* bucket(std::size_t at) const noexcept {
    return reinterpret_cast<const std::uint8_t*>(memory_.data() + line_count_ + at);
  }
  static std::uint8_t overflow_bit(std::uint64_t hash) noexcept {
    return static_cast<std::uint8_t>(1u << ((hash >> (kFingerprintBits - 3)) & 7));
  }

  [[nodiscard]] std::uint32_t find_side(std::uint64_t hash) const noexcept;

  std::size_t bucket_count_;
  std::size_t line_count_;
  PageArray<Line> memory_;  ///< the filter, then the buckets: together, so that both lie in huge pages
  std::vector<SideEntry> side_;  ///< ascending by hash
};

}  // namespace rampart::blocklists
