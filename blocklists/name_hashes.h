// The keyed hashes of a name and of all its suffixes, computed once for each query and used by the filter (all of
// them) and by the cache (the whole name). Labels are hashed from right to left, so that each suffix costs only
// its first label.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/keyed_hash.h"
#include "dns/name.h"

namespace rampart::blocklists {

/// Left uninitialised on purpose: it lives in pooled query contexts.
struct NameHashes {
  base::Hash128 full;                                 ///< of the whole name
  std::array<std::uint64_t, dns::kLabelsMax> suffix;  ///< [i]: of the name without its first i labels
  std::uint8_t count = 0;                             ///< labels, hence entries of `suffix` in use
};

/// Cost: one pass over the name, no allocation.
void hash_suffixes(const base::HashKey& key, const dns::FoldedName& name, NameHashes& out) noexcept;

/// NameHashes::full alone.
[[nodiscard]] base::Hash128 hash_name(const base::HashKey& key, const dns::FoldedName& name) noexcept;

struct TextHash {
  std::uint64_t hash = 0;
  std::size_t labels = 0;  ///< of the name
};
/// The same hash for the text of a rule: lower-case labels with dots between, no escapes, no final dot.
[[nodiscard]] TextHash hash_name_text(const base::HashKey& key, std::string_view name) noexcept;

}  // namespace rampart::blocklists
