// Prometheus text from a plain snapshot of counters. The server fills a MetricsSnapshot at scrape time; this file
// alone knows Blocky's metric names, labels, types and buckets, and ours (prefix rampart_). Label values come from
// clients and lists: they are cut to kLabelBytesMax, made valid UTF-8, and escaped by the serializer; the number of
// series of each family is cut to kSeriesMax, and what was cut is counted.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rampart::control {

/// Longest label value; longer ones are cut (a client name is at most 255 octets, a reason seldom above 100).
inline constexpr std::size_t kLabelBytesMax = 256;
/// Most series of one family in one scrape: a flood of client names must not fill Prometheus or our memory.
inline constexpr std::size_t kSeriesMax = 5000;

/// Upper bounds in seconds of blocky_request_duration_seconds, fixed by Blocky's dashboards.
inline constexpr std::array<double, 11> kDurationBounds = {.005, .01, .02, .03, .05, .075, .1, .2, .5, 1, 2};

/// Those of blocky_dnssec_validation_duration_seconds: Prometheus' default buckets.
inline constexpr std::array<double, 11> kValidationBounds = {.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10};

/// Counts by bucket, not cumulated; the last bucket is +Inf.
template <const auto& kBounds>
struct Histogram {
  std::array<std::uint64_t, kBounds.size() + 1> buckets{};
  double sum_s = 0;

  void add(double seconds, std::uint64_t times = 1) noexcept {
    const auto bound = std::lower_bound(kBounds.begin(), kBounds.end(), seconds);
    buckets[static_cast<std::size_t>(bound - kBounds.begin())] += times;
    sum_s += seconds * static_cast<double>(times);
  }
  void merge(const Histogram& other) noexcept {
    for (std::size_t i = 0; i < buckets.size(); ++i) buckets[i] += other.buckets[i];
    sum_s += other.sum_s;
  }
};
using DurationHistogram = Histogram<kDurationBounds>;
using ValidationHistogram = Histogram<kValidationBounds>;

using Labels = std::vector<std::pair<std::string, std::string>>;

/// A metric of ours. `name` without prefix ("cache_bytes" becomes rampart_cache_bytes); counters end in `_total`.
struct OwnMetric {
  enum class Type : std::uint8_t { kCounter, kGauge } type = Type::kGauge;
  std::string name;
  std::string help;
  struct Series {
    Labels labels;
    double value = 0;
  };
  std::vector<Series> series;
};

struct MetricsSnapshot {
  std::string version, build_time;
  bool blocking_enabled = true;

  // Lists: entries by group.
  std::map<std::string, std::uint64_t> denylist_entries, allowlist_entries;
  double last_list_refresh_unix_s = 0;  ///< 0: not refreshed yet; the gauge is then 0
  std::uint64_t failed_downloads = 0;

  // Traffic that carries client, group or upstream names: see TrafficCounters.
  struct QueryCount {
    std::string client, type;
    std::uint64_t count = 0;
  };
  struct ResponseCount {
    std::string reason, response_code, response_type;
    std::uint64_t count = 0;
  };
  std::vector<QueryCount> queries;
  std::vector<ResponseCount> responses;
  std::map<std::string, DurationHistogram> durations;  ///< by response type, `err` for errors
  std::uint64_t errors = 0;

  struct Cache {
    std::uint64_t entries = 0, hits = 0, misses = 0, prefetches = 0, prefetch_hits = 0, prefetch_names = 0;
  } cache;

  std::uint64_t redis_buffer_drops = 0;
  std::uint64_t dnstap_frames_dropped = 0;

  struct RateLimit {
    std::map<std::string, std::uint64_t> drops_by_protocol;
    std::uint64_t cap_exhausted = 0, active_buckets = 0;
  };
  std::optional<RateLimit> rate_limit;  ///< nullopt: not enabled

  struct Dnssec {
    std::map<std::string, std::uint64_t> validations;  ///< by result: Secure, Insecure, Bogus, Indeterminate
    std::map<std::string, ValidationHistogram> durations;  ///< by result
    std::uint64_t cache_hits = 0;
  };
  std::optional<Dnssec> dnssec;  ///< nullopt: no validation

  /// Ours, each name once.
  std::vector<OwnMetric> own;

  /// Appends one series to our metric `name`, which is created at its first use.
  void counter(std::string_view name, std::string_view help, double value, Labels labels = {});
  void gauge(std::string_view name, std::string_view help, double value, Labels labels = {});
};

/// The whole exposition, text format 0.0.4, with process_* figures of this process.
[[nodiscard]] std::string render_metrics(const MetricsSnapshot& snapshot);

}  // namespace rampart::control
