// Statistics of the last 24 hours in bounded memory: 25 hour slots (the running one and the 24 before), each with
// plain counters and three space-saving sketches (names, blocked names, clients). Slots are merged when a report is
// made, so recording costs one slot only. Memory only; fed off the query path, from decoded query events.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "control/top_k.h"
#include "storage/reason.h"

namespace rampart::control {

/// One answered (or dropped) query, as the log writer sees it. All texts are borrowed for the call.
struct StatSample {
  base::WallTime time{};
  std::string_view client;        ///< names joined by ',', else the address
  std::string_view name;          ///< qname as text without final dot; empty for dropped queries
  std::string_view query_type;    ///< "A", "AAAA", "TYPE65400"
  std::string_view return_code;   ///< "NOERROR"; empty for dropped queries
  std::string_view reason_label;  ///< the label of blocky_response_total: "BLOCKED (ads)", "RESOLVED (udp:…)"
  storage::ResponseType response_type{};
  std::uint32_t duration_us = 0;
};

struct NamedCount {
  std::string name;
  std::uint64_t count = 0;
};

/// The content of GET /api/stats.
struct StatsReport {
  base::WallTime start{}, end{};
  std::uint64_t queries = 0, cached = 0, forwarded = 0, blocked = 0, filtered = 0, local = 0, dropped = 0, errors = 0;
  double average_response_ms = 0;
  double cache_hit_rate = 0;  ///< cached / (cached + forwarded), 0..1
  std::map<std::string, std::uint64_t> by_response_type, by_query_type, by_response_code;
  struct Hour {
    base::WallTime hour{};
    std::uint64_t queries = 0, blocked = 0, filtered = 0;
  };
  std::vector<Hour> per_hour;  ///< oldest first, hours without queries included
  std::vector<NamedCount> top_domains, top_blocked_domains, top_clients;  ///< at most kStatsTop each
  // Added by the server, which knows them:
  std::map<std::string, std::uint64_t> denylist_entries, allowlist_entries;
  std::uint64_t cache_entries = 0;
};

inline constexpr std::size_t kStatsHours = 24;
inline constexpr std::size_t kStatsTop = 20;

class Statistics {
 public:
  Statistics();
  ~Statistics();
  /// Thread: any; one short lock, never taken by a worker. A sample that is older than the window means that the
  /// clock was set back: a new window begins there.
  void record(const StatSample& sample);
  /// Queries that were dropped before anybody looked at them; by their number only.
  void record_drops(base::WallTime time, std::uint64_t drops);
  [[nodiscard]] StatsReport report(base::WallTime now) const;
  /// Upper bound of what all slots together may hold.
  [[nodiscard]] std::size_t memory_bytes() const;

 private:
  struct Slot;
  Slot& slot_for(std::int64_t hour);
  Slot& slot_at(base::WallTime time);

  mutable std::mutex mutex_;
  std::int64_t newest_hour_ = 0;
  std::array<std::unique_ptr<Slot>, kStatsHours + 1> slots_;
};

}  // namespace rampart::control
