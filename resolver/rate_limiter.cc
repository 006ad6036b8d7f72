#include "resolver/rate_limiter.h"

#include <algorithm>

namespace rampart::resolver {
namespace {

constexpr std::uint64_t kSecondNs = 1'000'000'000;

struct Halves {
  std::uint64_t high, low;
};

Halves halves(const base::IpAddress& address) noexcept {
  const std::uint8_t* p = address.mapped().data();
  return {(std::uint64_t{base::load_u32(p)} << 32) | base::load_u32(p + 4),
          (std::uint64_t{base::load_u32(p + 8)} << 32) | base::load_u32(p + 12)};
}

std::uint64_t in_ns(base::Instant t) noexcept {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(t.time_since_epoch()).count());
}

std::uint64_t interval_of(std::uint32_t rate) noexcept { return kSecondNs / std::max(rate, 1u); }

std::uint64_t burst_of(const RateLimitOptions& options) noexcept {
  return options.burst != 0 ? options.burst : std::max<std::uint64_t>(1, std::uint64_t{options.rate} * 2);
}

}  // namespace

RateLimiter::Mask RateLimiter::Mask::of(unsigned bits) noexcept {
  const auto leading = [](unsigned n) { return n == 0 ? 0 : ~std::uint64_t{0} << (64 - std::min(n, 64u)); };
  return {leading(bits), leading(bits > 64 ? bits - 64 : 0)};
}

RateLimiter::RateLimiter(const RateLimitOptions& options, const base::HashKey& key)
    : key_(key),
      interval_ns_(std::max<std::uint64_t>(1, interval_of(options.rate))),
      depth_ns_(interval_ns_ * burst_of(options)),
      v4_mask_(Mask::of(96u + options.ipv4_prefix)),
      v6_mask_(Mask::of(options.ipv6_prefix)),
      places_(std::make_unique<Place[]>(kSets * kSetPlaces)) {
  for (const base::IpRange& range : options.allowlist) {
    const bool is_v4 = range.base.is_v4();
    const Halves base_halves = halves(range.base);
    allowlist_.push_back({Mask::of(range.prefix + (is_v4 ? 96u : 0u)), base_halves.high, base_halves.low, is_v4});
  }
}

RateDecision RateLimiter::admit(const base::IpAddress& client, base::Instant now) noexcept {
  const auto [high, low] = halves(client);
  const bool is_v4 = client.is_v4();
  if (is_exempt(high, low, is_v4)) return RateDecision::kAdmit;
  const std::uint64_t now_ns = in_ns(now);
  Place* place = find_or_claim(identify(high, low, is_v4), now_ns);
  if (place == nullptr) {
    no_room_.add();
    return RateDecision::kDropNoRoom;
  }
  std::uint64_t full_at = place->full_at.load(std::memory_order_relaxed);
  for (;;) {
    const std::uint64_t next = std::max(full_at, now_ns) + interval_ns_;
    if (next > now_ns + depth_ns_) return refuse(*place, now_ns);
    if (place->full_at.compare_exchange_weak(full_at, next, std::memory_order_relaxed)) return RateDecision::kAdmit;
  }
}

bool RateLimiter::is_exempt(std::uint64_t high, std::uint64_t low, bool is_v4) const noexcept {
  if ((high | low) == 0) return true;
  return std::any_of(allowlist_.begin(), allowlist_.end(), [&](const AllowedRange& range) {
    return range.is_v4 == is_v4 && (high & range.mask.high) == range.high && (low & range.mask.low) == range.low;
  });
}

std::uint64_t RateLimiter::identify(std::uint64_t high, std::uint64_t low, bool is_v4) const noexcept {
  const Mask& mask = is_v4 ? v4_mask_ : v6_mask_;
  const base::Hash128 seed{key_.k0, key_.k1};
  const base::Hash128 hash = base::absorb(key_, base::absorb(key_, seed, high & mask.high), low & mask.low);
  return hash.lo | 1;  // never 0, which marks a place that was never used
}

/// The client's place, or one whose bucket is full again, taken over. Two threads that meet here may give a client two
/// places or a place two clients for a moment: a token more or less, never more than that.
RateLimiter::Place* RateLimiter::find_or_claim(std::uint64_t client, std::uint64_t now_ns) noexcept {
  Place* const set = set_of(client);
  for (std::size_t i = 0; i < kSetPlaces; ++i)
    if (set[i].client.load(std::memory_order_relaxed) == client) return &set[i];
  for (std::size_t i = 0; i < kSetPlaces; ++i) {
    std::uint64_t previous = set[i].client.load(std::memory_order_relaxed);
    if (set[i].full_at.load(std::memory_order_relaxed) > now_ns) continue;
    if (set[i].client.compare_exchange_strong(previous, client, std::memory_order_relaxed)) {
      set[i].reported_at.store(0, std::memory_order_relaxed);
      return &set[i];
    }
    if (previous == client) return &set[i];
  }
  return nullptr;
}

RateDecision RateLimiter::refuse(Place& place, std::uint64_t now_ns) noexcept {
  const auto now_s = static_cast<std::uint32_t>(now_ns / kSecondNs) | 0x80000000u;  // told apart from "never"
  std::uint32_t last = place.reported_at.load(std::memory_order_relaxed);
  if (last != now_s && place.reported_at.compare_exchange_strong(last, now_s, std::memory_order_relaxed))
    return RateDecision::kDropAndReport;
  return RateDecision::kDrop;
}

std::uint32_t RateLimiter::tokens(const base::IpAddress& client, base::Instant now) const noexcept {
  const auto [high, low] = halves(client);
  const std::uint64_t id = identify(high, low, client.is_v4());
  const std::uint64_t now_ns = in_ns(now);
  const Place* set = set_of(id);
  for (std::size_t i = 0; i < kSetPlaces; ++i) {
    if (set[i].client.load(std::memory_order_relaxed) != id) continue;
    const std::uint64_t full_at = std::max(set[i].full_at.load(std::memory_order_relaxed), now_ns);
    const std::uint64_t owed_ns = std::min(full_at - now_ns, depth_ns_);
    return static_cast<std::uint32_t>((depth_ns_ - owed_ns) / interval_ns_);
  }
  return static_cast<std::uint32_t>(depth_ns_ / interval_ns_);
}

std::size_t RateLimiter::active_buckets(base::Instant now) const noexcept {
  const std::uint64_t now_ns = in_ns(now);
  return static_cast<std::size_t>(std::count_if(places_.get(), places_.get() + kSets * kSetPlaces, [&](const Place& p) {
    return p.full_at.load(std::memory_order_relaxed) > now_ns;
  }));
}

}  // namespace rampart::resolver
