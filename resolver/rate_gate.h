// The rate limit as a stage: takes a token for a query, counts and reports what it drops.
#pragma once

#include "base/time.h"
#include "resolver/counters.h"
#include "resolver/query_context.h"
#include "resolver/rate_limiter.h"

namespace rampart::resolver {

/// One worker's. A flood from many made-up addresses is dropped as cheaply as one from a single client: what is
/// written about drops has a bound of its own.
class RateGate {
 public:
  /// Log lines about drops that one worker writes in a second; Blocky's one for each client and second would let
  /// 16,384 clients fill the log.
  static constexpr std::uint32_t kReportsPerSecond = 20;

  explicit RateGate(WorkerCounters& counters) : counters_(counters) {}

  /// False: the query is to be dropped. The policy has a rate limiter. Cost: that of RateLimiter::admit().
  [[nodiscard]] bool admit(const QueryContext& context, const PolicySnapshot& policy, base::Instant now) noexcept;

 private:
  void report(const QueryContext& context, const PolicySnapshot& policy, base::Instant now) noexcept;

  WorkerCounters& counters_;
  base::Instant second_began_{};
  std::uint32_t reports_ = 0;
};

}  // namespace rampart::resolver
