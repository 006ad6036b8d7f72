// Under what a response is remembered: the question, and whatever else changes the answer. Two queries share
// an answer only if every field here is equal, so no client ever sees the answer of another group, and a
// client that asked for DNSSEC records never gets an answer without them.
#pragma once

#include <cstdint>

#include "base/keyed_hash.h"
#include "dns/name.h"
#include "dns/types.h"

namespace rampart::resolver {

/// Borrowed: `name` must outlive the view. The class is always IN (others are never cached).
struct CacheKeyView {
  const dns::FoldedName& name;
  dns::RrType qtype{};
  std::uint32_t cache_group = 0;  ///< whose upstreams were asked: ClientTable::cache_groups
  bool dnssec_ok = false;
  bool checking_disabled = false;
  base::Hash128 hash;  ///< of all the above, by make_cache_key()

  /// Everything but the name, in one word; the form in which the cache stores and compares it.
  [[nodiscard]] std::uint64_t scalars() const noexcept {
    return static_cast<std::uint64_t>(qtype) | (std::uint64_t{name.length} << 16) |
           (std::uint64_t{dnssec_ok} << 24) | (std::uint64_t{checking_disabled} << 25) |
           (std::uint64_t{cache_group} << 32);
  }

  struct Scalars {
    dns::RrType qtype;
    std::uint32_t cache_group;
    std::uint8_t name_length;
    bool dnssec_ok, checking_disabled;
  };
  [[nodiscard]] static Scalars unpack(std::uint64_t word) noexcept {
    return {static_cast<dns::RrType>(word & 0xffff), static_cast<std::uint32_t>(word >> 32),
            static_cast<std::uint8_t>(word >> 16), (word >> 24 & 1) != 0, (word >> 25 & 1) != 0};
  }
};

/// `name_hash`: NameHashes::full of the name under `hash_key`, the process's secret, the same for every worker.
[[nodiscard]] inline CacheKeyView make_cache_key(const base::HashKey& hash_key, const dns::FoldedName& name,
                                                 base::Hash128 name_hash, dns::RrType qtype, std::uint32_t cache_group,
                                                 bool dnssec_ok, bool checking_disabled) noexcept {
  CacheKeyView key{name, qtype, cache_group, dnssec_ok, checking_disabled, {}};
  key.hash = base::absorb(hash_key, name_hash, key.scalars());
  return key;
}

}  // namespace rampart::resolver
