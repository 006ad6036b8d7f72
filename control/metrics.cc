#include "control/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <deque>
#include <limits>

#include "control/process_figures.h"

namespace rampart::control {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

/// The text with every octet that is no valid UTF-8 replaced by U+FFFD, cut to kLabelBytesMax between characters.
std::string clean_label(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    std::size_t length = lead < 0x80 ? 1 : lead >= 0xc2 && lead < 0xe0 ? 2 : (lead & 0xf0) == 0xe0 ? 3
                         : lead >= 0xf0 && lead < 0xf5 ? 4 : 0;
    if (length > text.size() - i) length = 0;
    for (std::size_t k = 1; k < length; ++k) {
      if ((static_cast<unsigned char>(text[i + k]) & 0xc0) != 0x80) length = 0;
    }
    if (length == 3 || length == 4) {  // overlong forms, surrogates, beyond U+10FFFF
      const auto second = static_cast<unsigned char>(text[i + 1]);
      if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second >= 0xa0) || (lead == 0xf0 && second < 0x90) ||
          (lead == 0xf4 && second >= 0x90)) {
        length = 0;
      }
    }
    const std::string_view piece = length == 0 ? std::string_view("\xef\xbf\xbd") : text.substr(i, length);
    if (out.size() + piece.size() > kLabelBytesMax) break;
    out += piece;
    i += std::max<std::size_t>(length, 1);
  }
  return out;
}

/// Collects families and bounds their series.
class Exposition {
 public:
  MetricFamily& family(std::string name, std::string help, MetricType type) {
    families_.push_back({std::move(name), std::move(help), type, {}});
    return families_.back();
  }

  /// A family of one series without labels.
  void one(std::string name, std::string help, MetricType type, double value) {
    add(family(std::move(name), std::move(help), type), {}, value);
  }

  void add(MetricFamily& to, const Labels& labels, double value) {
    ClientMetric* metric = series(to, labels);
    if (metric == nullptr) return;
    if (to.type == MetricType::Counter) {
      metric->counter.value = value;
    } else {
      metric->gauge.value = value;
    }
  }

  template <const auto& kBounds>
  void add(MetricFamily& to, const Labels& labels, const Histogram<kBounds>& histogram) {
    ClientMetric* metric = series(to, labels);
    if (metric == nullptr) return;
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < histogram.buckets.size(); ++i) {
      below += histogram.buckets[i];
      const double bound = i < kBounds.size() ? kBounds[i] : std::numeric_limits<double>::infinity();
      metric->histogram.bucket.push_back({below, bound});
    }
    metric->histogram.sample_count = below;
    metric->histogram.sample_sum = histogram.sum_s;
  }

  std::string text() {
    one("rampart_metrics_series_cut_total", "Series left out of this scrape because their family had too many.",
        MetricType::Counter, static_cast<double>(cut_));
    std::vector<MetricFamily> used;
    for (MetricFamily& f : families_) {
      if (!f.metric.empty()) used.push_back(std::move(f));  // labelled families appear on first use, as in Blocky
    }
    return prometheus::TextSerializer().Serialize(used);
  }

 private:
  ClientMetric* series(MetricFamily& to, const Labels& labels) {
    if (to.metric.size() >= kSeriesMax) {
      ++cut_;
      return nullptr;
    }
    ClientMetric& metric = to.metric.emplace_back();
    for (const auto& [key, value] : labels) metric.label.push_back({key, clean_label(value)});
    return &metric;
  }

  std::deque<MetricFamily> families_;  ///< a deque: references to its families stay valid
  std::uint64_t cut_ = 0;
};

void add_by(Exposition& out, MetricFamily& family, const char* label,
            const std::map<std::string, std::uint64_t>& values) {
  for (const auto& [key, value] : values) out.add(family, {{label, key}}, static_cast<double>(value));
}

void add_lists(Exposition& out, const MetricsSnapshot& s) {
  add_by(out, out.family("blocky_denylist_cache_entries", "Number of entries in the denylist cache", MetricType::Gauge),
         "group", s.denylist_entries);
  add_by(out,
         out.family("blocky_allowlist_cache_entries", "Number of entries in the allowlist cache", MetricType::Gauge),
         "group", s.allowlist_entries);
  out.one("blocky_last_list_group_refresh_timestamp_seconds", "Timestamp of last list refresh", MetricType::Gauge,
          s.last_list_refresh_unix_s);
  out.one("blocky_failed_downloads_total", "Failed download counter", MetricType::Counter,
          static_cast<double>(s.failed_downloads));
}

void add_traffic(Exposition& out, const MetricsSnapshot& s) {
  auto& queries = out.family("blocky_query_total", "Number of total queries", MetricType::Counter);
  for (const auto& q : s.queries) {
    out.add(queries, {{"client", q.client}, {"type", q.type}}, static_cast<double>(q.count));
  }
  auto& responses = out.family("blocky_response_total", "Number of total responses", MetricType::Counter);
  for (const auto& r : s.responses) {
    out.add(responses,
            {{"reason", r.reason}, {"response_code", r.response_code}, {"response_type", r.response_type}},
            static_cast<double>(r.count));
  }
  out.one("blocky_error_total", "Number of total errors", MetricType::Counter, static_cast<double>(s.errors));
  auto& durations =
      out.family("blocky_request_duration_seconds", "Request duration distribution", MetricType::Histogram);
  for (const auto& [type, histogram] : s.durations) out.add(durations, {{"response_type", type}}, histogram);
}

void add_cache(Exposition& out, const MetricsSnapshot::Cache& c) {
  const auto gauge = [&](const char* name, const char* help, std::uint64_t value) {
    out.one(name, help, MetricType::Gauge, static_cast<double>(value));
  };
  const auto counter = [&](const char* name, const char* help, std::uint64_t value) {
    out.one(name, help, MetricType::Counter, static_cast<double>(value));
  };
  gauge("blocky_cache_entries", "Number of entries in cache", c.entries);
  counter("blocky_cache_hits_total", "Cache hit counter", c.hits);
  counter("blocky_cache_misses_total", "Cache miss counter", c.misses);
  counter("blocky_prefetches_total", "Prefetch counter", c.prefetches);
  counter("blocky_prefetch_hits_total", "Prefetch hit counter", c.prefetch_hits);
  gauge("blocky_prefetch_domain_name_cache_entries", "Number of domain names being prefetched", c.prefetch_names);
}

void add_optional_parts(Exposition& out, const MetricsSnapshot& s) {
  out.one("blocky_redis_cache_buffer_drops_total", "Cache messages for Redis dropped because their buffer was full",
          MetricType::Counter, static_cast<double>(s.redis_buffer_drops));
  out.one("blocky_dnstap_frames_dropped_total", "dnstap frames dropped because their buffer was full",
          MetricType::Counter, static_cast<double>(s.dnstap_frames_dropped));
  if (s.rate_limit) {
    add_by(out, out.family("blocky_rate_limit_drops_total", "Queries dropped by the rate limit", MetricType::Counter),
           "protocol", s.rate_limit->drops_by_protocol);
    out.one("blocky_rate_limit_cap_exhausted_total", "Queries of clients for whom the bucket table had no room",
            MetricType::Counter, static_cast<double>(s.rate_limit->cap_exhausted));
    out.one("blocky_rate_limit_active_buckets", "Clients with a bucket in the rate limit's table", MetricType::Gauge,
            static_cast<double>(s.rate_limit->active_buckets));
  }
  if (s.dnssec) {
    add_by(out, out.family("blocky_dnssec_validation_total", "DNSSEC validations by result", MetricType::Counter),
           "result", s.dnssec->validations);
    auto& durations = out.family("blocky_dnssec_validation_duration_seconds", "Duration of DNSSEC validations",
                                 MetricType::Histogram);
    for (const auto& [result, histogram] : s.dnssec->durations) out.add(durations, {{"result", result}}, histogram);
    out.one("blocky_dnssec_cache_hits_total", "Hits in the cache of DNSSEC validations", MetricType::Counter,
            static_cast<double>(s.dnssec->cache_hits));
  }
}

void add_own(Exposition& out, const MetricsSnapshot& s) {
  for (const OwnMetric& metric : s.own) {
    auto& family = out.family("rampart_" + metric.name, metric.help,
                              metric.type == OwnMetric::Type::kCounter ? MetricType::Counter : MetricType::Gauge);
    for (const auto& series : metric.series) out.add(family, series.labels, series.value);
  }
}

void add_process(Exposition& out) {
  const auto p = read_process_figures();
  if (!p) return;
  out.one("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", MetricType::Counter,
          p->cpu_seconds);
  out.one("process_start_time_seconds", "Start time of the process since unix epoch in seconds.", MetricType::Gauge,
          p->start_unix_s);
  const auto gauge = [&](const char* name, const char* help, std::uint64_t value) {
    out.one(name, help, MetricType::Gauge, static_cast<double>(value));
  };
  gauge("process_resident_memory_bytes", "Resident memory size in bytes.", p->resident_bytes);
  gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.", p->virtual_bytes);
  gauge("process_open_fds", "Number of open file descriptors.", p->open_fds);
  gauge("process_max_fds", "Maximum number of open file descriptors.", p->max_fds);
}

OwnMetric& own_metric(std::vector<OwnMetric>& all, OwnMetric::Type type, std::string_view name,
                      std::string_view help) {
  const auto found = std::find_if(all.begin(), all.end(), [&](const OwnMetric& m) { return m.name == name; });
  if (found != all.end()) return *found;
  all.push_back({type, std::string(name), std::string(help), {}});
  return all.back();
}

}  // namespace

void MetricsSnapshot::counter(std::string_view name, std::string_view help, double value, Labels labels) {
  own_metric(own, OwnMetric::Type::kCounter, name, help).series.push_back({std::move(labels), value});
}

void MetricsSnapshot::gauge(std::string_view name, std::string_view help, double value, Labels labels) {
  own_metric(own, OwnMetric::Type::kGauge, name, help).series.push_back({std::move(labels), value});
}

std::string render_metrics(const MetricsSnapshot& s) {
  Exposition out;
  out.add(out.family("blocky_build_info", "Version number and build info", MetricType::Gauge),
          {{"version", s.version}, {"build_time", s.build_time}}, 1);
  out.one("blocky_blocking_enabled", "Blocking status", MetricType::Gauge, s.blocking_enabled ? 1 : 0);
  add_lists(out, s);
  add_traffic(out, s);
  add_cache(out, s.cache);
  add_optional_parts(out, s);
  add_own(out, s);
  add_process(out);
  return out.text();
}

}  // namespace rampart::control
