// How many queries one client may send: a token bucket for each client network, `burst` deep, refilled at `rate`.
// Shared by all workers, because a client's queries are spread over them by port.
//
// A bucket is one number, the time at which it will be full again (the generic cell rate algorithm): a query moves it
// one refill interval ahead, and is refused if that is more than a whole burst from now. Reaching that time, the bucket
// says nothing any more, so its place is free for another client: nobody has to clean up.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/counter.h"
#include "base/ip_address.h"
#include "base/keyed_hash.h"
#include "base/time.h"

namespace rampart::resolver {

struct RateLimitOptions {
  std::uint32_t rate = 1;   ///< queries per second, at least 1
  std::uint32_t burst = 0;  ///< queries at once; 0: twice the rate
  std::uint8_t ipv4_prefix = 32;  ///< clients that share so many bits share a bucket
  std::uint8_t ipv6_prefix = 64;
  std::vector<base::IpRange> allowlist;  ///< never limited
};

enum class RateDecision : std::uint8_t {
  kAdmit,
  kDrop,           ///< the bucket is empty
  kDropAndReport,  ///< the same, and the first such drop of this client for a second: worth a log line
  kDropNoRoom,     ///< a new client while all places are taken by busy ones
};

/// Every method may be called by any thread. Lives as long as its configuration: a changed one makes a new limiter.
class RateLimiter {
 public:
  /// Clients that can be told apart at a time (Blocky's number).
  static constexpr std::size_t kClientsMax = 16'384;

  RateLimiter(const RateLimitOptions& options, const base::HashKey& key);

  /// Takes a token for one query of `client`. `::` (no address known) is always admitted.
  /// Cost: one or two cache lines and one exchange; no lock, no allocation.
  [[nodiscard]] RateDecision admit(const base::IpAddress& client, base::Instant now) noexcept;

  /// Whole tokens left to `client`, for the log line of a drop.
  [[nodiscard]] std::uint32_t tokens(const base::IpAddress& client, base::Instant now) const noexcept;
  /// Clients whose buckets are not full. Walks the table: for the scrape.
  [[nodiscard]] std::size_t active_buckets(base::Instant now) const noexcept;
  [[nodiscard]] std::uint64_t no_room() const noexcept { return no_room_.value(); }

 private:
  // Twice as many places as clients, in sets of 32: with 16,384 clients busy a set overflows once in 10,000.
  static constexpr std::size_t kSetPlaces = 32;
  static constexpr std::size_t kSets = 2 * kClientsMax / kSetPlaces;

  struct Place {
    std::atomic<std::uint64_t> client{0};   ///< keyed hash of the masked address; 0: never used
    std::atomic<std::uint64_t> full_at{0};  ///< ns
    std::atomic<std::uint32_t> reported_at{0};  ///< s, of the last report
  };
  /// A prefix of 128 bits, ready to compare.
  struct Mask {
    std::uint64_t high = 0, low = 0;
    static Mask of(unsigned bits) noexcept;
  };
  struct AllowedRange {
    Mask mask;
    std::uint64_t high, low;
    bool is_v4;
  };

  [[nodiscard]] bool is_exempt(std::uint64_t high, std::uint64_t low, bool is_v4) const noexcept;
  [[nodiscard]] std::uint64_t identify(std::uint64_t high, std::uint64_t low, bool is_v4) const noexcept;
  [[nodiscard]] Place* set_of(std::uint64_t client) const noexcept { return &places_[(client >> 32) % kSets * kSetPlaces]; }
  [[nodiscard]] Place* find_or_claim(std::uint64_t client, std::uint64_t now_ns) noexcept;
  [[nodiscard]] RateDecision refuse(Place& place, std::uint64_t now_ns) noexcept;

  // Constant after construction
  const base::HashKey key_;
  const std::uint64_t interval_ns_;  ///< in which one token comes back
  const std::uint64_t depth_ns_;     ///< in which an empty bucket becomes full
  const Mask v4_mask_, v6_mask_;
  std::vector<AllowedRange> allowlist_;
  // Shared
  const std::unique_ptr<Place[]> places_;
  base::SharedCounter no_room_;
};

}  // namespace rampart::resolver
