// What may be kept and for how long: the same rules for an upstream's answer and for one that another instance shares.
#pragma once

#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "dns/message_view.h"
#include "resolver/cache_key.h"
#include "resolver/policy.h"

namespace rampart::resolver {

/// The name is neither read from nor written to the cache.
[[nodiscard]] bool is_excluded(const CachePolicy& cache, const dns::FoldedName& name);

/// Seconds that an answer, which has a question, may be kept; 0 = not at all. Records outside the answer section do
/// not shorten a positive answer's life, as their loss harms nobody.
[[nodiscard]] std::uint32_t keep_seconds(const dns::MessageView& message, const CachePolicy& cache) noexcept;

/// Puts all TTLs between the policy's bounds. `offsets` are where they stand in `message`.
void clamp_ttls(base::MutableBytes message, std::span<const std::uint16_t> offsets, const CachePolicy& cache) noexcept;

/// Nothing but name and type tells this answer from others: the only ones that instances can share, because Blocky's
/// keys hold no more. They come from the group `default`.
[[nodiscard]] inline bool is_plain(const CacheKeyView& key, const PolicySnapshot& policy) noexcept {
  return key.cache_group == policy.clients.cache_group_of(0) && !key.dnssec_ok && !key.checking_disabled;
}

}  // namespace rampart::resolver
