// From names to small numbers: the index behind the tables of our own names (custom names, hosts files, conditional
// forwarding, rewrites). It keeps the names themselves, so a hit is certain whatever the hashes are; it is searched
// with the hashes that the query carries anyway. Filled by one thread, then only read.
//
// A search for the longest suffix asks only for lengths (in labels) that some name has, so that a hostile name of a
// hundred labels costs no more than a short one.
#pragma once

#include <bitset>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/keyed_hash.h"
#include "blocklists/name_hashes.h"
#include "dns/name.h"

namespace rampart::resolver {

class NameIndex {
 public:
  static constexpr std::uint32_t kNone = ~std::uint32_t{0};

  /// `key`: the one that the queries' names are hashed with.
  explicit NameIndex(const base::HashKey& key) : key_(key) {}

  /// The number of a name, in any spelling; a new name gets the next one, counted from 0.
  std::uint32_t add(dns::NameView name);

  struct Hit {
    std::uint32_t id = kNone;
    std::uint8_t labels_skipped = 0;
    explicit operator bool() const noexcept { return id != kNone; }
  };
  /// The longest suffix of `name` that is in the index, the first `from_label` labels left off at least. The root
  /// has no hash and is never found.
  [[nodiscard]] Hit find_longest(const dns::FoldedName& name, const blocklists::NameHashes& hashes,
                                 std::size_t from_label = 0) const noexcept;
  /// The name itself, or kNone.
  [[nodiscard]] std::uint32_t find(const dns::FoldedName& name,
                                   const blocklists::NameHashes& hashes) const noexcept {
    if (name.label_count == 0 || !depths_[name.label_count]) return kNone;
    return find(hashes.suffix[0], name.view());
  }

  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
  /// In lower case.
  [[nodiscard]] dns::NameView name(std::uint32_t id) const noexcept {
    return dns::NameView({octets_.data() + entries_[id].at, entries_[id].length});
  }
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return entries_.capacity() * sizeof(Entry) + slots_.capacity() * sizeof(std::uint32_t) + octets_.capacity();
  }

 private:
  struct Entry {
    std::uint64_t hash;
    std::uint32_t at;
    std::uint8_t length;
  };

  [[nodiscard]] std::uint32_t find(std::uint64_t hash, dns::NameView folded) const noexcept;
  void grow();

  base::HashKey key_;
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> slots_;  ///< open addressing, at most half full; id + 1, 0: free
  std::vector<std::uint8_t> octets_;
  std::bitset<dns::kLabelsMax + 1> depths_;  ///< numbers of labels that names here have
};

}  // namespace rampart::resolver
