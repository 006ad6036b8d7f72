// Whose the queries are that wait for upstreams, so that one client cannot take all the slots. A client may hold
// as many as are left to everybody else: alone it gets half of all, beside n others like it one part in n + 2, and
// what is left is there at once for who has not asked yet (docs/decisions/client-shares.md).
//
// The counts are kept by hash, each client in one place of each of two rows; the smaller of its two counts may be
// too large, if both places are shared, and is never too small. So there is nothing to evict, and nothing runs
// full. A worker's own; asked only for queries that are to be forwarded.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "base/ip_address.h"
#include "base/keyed_hash.h"

namespace rampart::resolver {

class ClientShares {
 public:
  /// Where a client's slots are counted; kept with each slot.
  struct Places {
    std::uint16_t first = 0;
    std::uint16_t second = 0;
  };

  /// So many slots are nobody's excess, however few are left.
  static constexpr std::uint32_t kAlways = 16;

  /// Addresses of one IPv6 /64 are one client. Cost: one hash; no allocation.
  [[nodiscard]] Places places_of(const base::IpAddress& client) const noexcept {
    const std::size_t octets = client.is_v4() ? 16 : 8;
    const std::uint64_t hash = base::hash_bytes(key_, client.mapped().data(), octets).lo;
    return {static_cast<std::uint16_t>(hash % kRow), static_cast<std::uint16_t>((hash >> 32) % kRow)};
  }
  /// Whether the client may have one more while `free` are left.
  [[nodiscard]] bool may_take(Places places, std::size_t free) const noexcept {
    const std::uint32_t held = this->held(places);
    return held < kAlways || held < free;
  }
  void enter(Places places) noexcept {
    ++first_[places.first];
    ++second_[places.second];
  }
  void leave(Places places) noexcept {
    --first_[places.first];
    --second_[places.second];
  }
  [[nodiscard]] std::uint32_t held(Places places) const noexcept {
    return std::min(first_[places.first], second_[places.second]);
  }

 private:
  static constexpr std::size_t kRow = 2048;  ///< two rows: 16 KiB

  const base::HashKey key_ = base::random_hash_key();
  std::array<std::uint32_t, kRow> first_{};
  std::array<std::uint32_t, kRow> second_{};
};

}  // namespace rampart::resolver
