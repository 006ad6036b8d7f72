// What a worker counts. One writer (the worker), any reader; summed over workers at a scrape.
#pragma once

#include <array>

#include "base/counter.h"
#include "resolver/list_hits.h"
#include "resolver/stage.h"
#include "storage/reason.h"

namespace rampart::resolver {

inline constexpr std::size_t kRcodeSlots = 7;     ///< NOERROR..REFUSED, and one for all others
inline constexpr std::size_t kQtypeSlots = 260;   ///< types below 256, and one for all others (slot 256)
/// Upper bounds of Blocky's duration histogram, microseconds; one more slot for +Inf.
inline constexpr std::array<std::uint32_t, 11> kDurationBoundsUs = {5000,  10000,  20000,  30000,  50000, 75000,
                                                                    100000, 200000, 500000, 1000000, 2000000};

struct DurationHistogram {
  std::array<base::Counter, kDurationBoundsUs.size() + 1> buckets;
  base::Counter sum_us;

  void record(std::uint32_t duration_us) noexcept {
    std::size_t i = 0;
    while (i < kDurationBoundsUs.size() && duration_us > kDurationBoundsUs[i]) ++i;
    buckets[i].add();
    sum_us.add(duration_us);
  }
};

struct alignas(64) WorkerCounters {
  std::array<std::array<base::Counter, kRcodeSlots>, storage::kReasonCount> responses;  ///< by reason and RCODE
  std::array<base::Counter, kQtypeSlots> queries_by_type;
  std::array<DurationHistogram, storage::kResponseTypeCount> durations;
  std::array<base::Counter, kStageCount> ended_at;  ///< which stage gave the answer

  ListHits list_hits;  ///< by slot: queries that a rule of the list denied or let through

  base::Counter udp_queries;
  base::Counter udp_batches;
  base::Counter udp_send_errors;       ///< the kernel refused a datagram
  base::Counter tcp_queries;
  base::Counter tcp_connections;
  base::Counter tcp_rejected;          ///< over a connection limit
  base::Counter tcp_proxy_errors;      ///< no valid PROXY header where one is required, or from a stranger
  base::Counter tcp_timeouts;          ///< idle, total or write deadline
  base::Counter silent_drops;          ///< not a query, or too short to answer
  base::Counter truncated;             ///< TC sent
  base::Counter pending_exhausted;     ///< no pooled slot left for a miss: SERVFAIL
  base::Counter client_share_exceeded;  ///< misses of a client that holds as many slots as are left: SERVFAIL
  base::Counter prefetches;
  base::Counter prefetch_hits;
  base::Counter stale_answers;
  base::Counter cache_hits;
  base::Counter cache_misses;
  base::Counter cache_rejected;        ///< answers that could not be stored
  base::Counter inspected;             ///< answers walked for CNAME and address targets
  base::Counter log_dropped;           ///< query events lost because the ring was full
  base::Counter rate_limited_udp;      ///< dropped by the rate limit
  base::Counter rate_limited_tcp;
  base::Counter rate_reports_dropped;  ///< log lines about such drops, over their bound
  base::Counter cname_chains_cut;      ///< custom names whose CNAMEs loop or are too many: SERVFAIL
  base::Counter unusable_answers;      ///< upstream answers too malformed to pass on
};

[[nodiscard]] inline std::size_t rcode_slot(std::uint16_t rcode) noexcept { return rcode < 6 ? rcode : 6; }
[[nodiscard]] inline std::size_t qtype_slot(std::uint16_t qtype) noexcept { return qtype < 256 ? qtype : 256; }

}  // namespace rampart::resolver
