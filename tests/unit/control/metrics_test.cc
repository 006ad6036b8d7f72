// The exposition text: Blocky's names with their labels and types, hostile labels, and promtool's opinion.
#include "control/metrics.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace rampart::control {
namespace {

MetricsSnapshot full() {
  MetricsSnapshot s;
  s.version = "1.0";
  s.build_time = "20260101";
  s.denylist_entries = {{"ads", 100}};
  s.allowlist_entries = {{"ads", 2}};
  s.last_list_refresh_unix_s = 1.7e9;
  s.queries = {{"laptop", "A", 7}};
  s.responses = {{"BLOCKED (ads)", "NOERROR", "BLOCKED", 3}};
  DurationHistogram durations;
  durations.add(0.004);
  durations.add(0.05);
  durations.add(10);
  s.durations = {{"RESOLVED", durations}};
  s.rate_limit = MetricsSnapshot::RateLimit{{{"udp", 4}}, 1, 2};
  ValidationHistogram validation;
  validation.add(0.3);
  s.dnssec = MetricsSnapshot::Dnssec{{{"Secure", 5}}, {{"Secure", validation}}, 6};
  s.counter("worker_ring_dropped_total", "Log events dropped because the ring was full.", 1, {{"worker", "0"}});
  s.counter("worker_ring_dropped_total", "Log events dropped because the ring was full.", 2, {{"worker", "1"}});
  s.gauge("cache_bytes", "Octets in the cache.", 12345);
  return s;
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

TEST(Metrics, EveryNameOfBlockysDashboardsIsThere) {
  const std::string text = render_metrics(full());
  for (const char* type_line : {
           "blocky_build_info gauge", "blocky_blocking_enabled gauge", "blocky_denylist_cache_entries gauge",
           "blocky_allowlist_cache_entries gauge", "blocky_last_list_group_refresh_timestamp_seconds gauge",
           "blocky_query_total counter", "blocky_response_total counter", "blocky_error_total counter",
           "blocky_request_duration_seconds histogram", "blocky_cache_entries gauge", "blocky_cache_hits_total counter",
           "blocky_cache_misses_total counter", "blocky_prefetches_total counter", "blocky_prefetch_hits_total counter",
           "blocky_prefetch_domain_name_cache_entries gauge", "blocky_failed_downloads_total counter",
           "blocky_redis_cache_buffer_drops_total counter", "blocky_dnstap_frames_dropped_total counter",
           "blocky_rate_limit_drops_total counter", "blocky_rate_limit_cap_exhausted_total counter",
           "blocky_rate_limit_active_buckets gauge", "blocky_dnssec_validation_total counter",
           "blocky_dnssec_cache_hits_total counter", "blocky_dnssec_validation_duration_seconds histogram",
           "process_resident_memory_bytes gauge", "process_cpu_seconds_total counter", "process_open_fds gauge"}) {
    EXPECT_TRUE(contains(text, std::string("# TYPE ") + type_line + "\n")) << type_line;
  }
}

TEST(Metrics, LabelsAndValues) {
  const std::string text = render_metrics(full());
  for (const char* line : {
           "blocky_build_info{version=\"1.0\",build_time=\"20260101\"} 1\n", "blocky_blocking_enabled 1\n",
           "blocky_denylist_cache_entries{group=\"ads\"} 100\n", "blocky_query_total{client=\"laptop\",type=\"A\"} 7\n",
           "blocky_response_total{reason=\"BLOCKED (ads)\",response_code=\"NOERROR\",response_type=\"BLOCKED\"} 3\n",
           "blocky_request_duration_seconds_bucket{response_type=\"RESOLVED\",le=\"0.005\"} 1\n",
           "blocky_request_duration_seconds_bucket{response_type=\"RESOLVED\",le=\"0.05\"} 2\n",
           "blocky_request_duration_seconds_bucket{response_type=\"RESOLVED\",le=\"2\"} 2\n",
           "blocky_request_duration_seconds_bucket{response_type=\"RESOLVED\",le=\"+Inf\"} 3\n",
           "blocky_request_duration_seconds_count{response_type=\"RESOLVED\"} 3\n", "blocky_cache_entries 0\n",
           "rampart_worker_ring_dropped_total{worker=\"1\"} 2\n", "rampart_cache_bytes 12345\n",
           "rampart_metrics_series_cut_total 0\n"}) {
    EXPECT_TRUE(contains(text, line)) << line << text;
  }
}

TEST(Metrics, WhatIsOffOrUnusedIsAbsent) {
  const std::string text = render_metrics(MetricsSnapshot{});
  EXPECT_FALSE(contains(text, "rate_limit"));
  EXPECT_FALSE(contains(text, "dnssec"));
  EXPECT_FALSE(contains(text, "blocky_query_total"));
  EXPECT_TRUE(contains(text, "blocky_error_total 0\n"));
}

TEST(Metrics, HostileLabelsCannotBreakTheFormat) {
  MetricsSnapshot s;
  s.queries = {{"a\"} 9\nblocky_error_total 99\\", "A", 1}, {"\xff\xc0\x80\xed\xa0\x80", "A", 1},
               {std::string(1000, 'x'), "A", 1}};
  const std::string text = render_metrics(s);
  EXPECT_FALSE(contains(text, "\nblocky_error_total 99"));
  EXPECT_TRUE(contains(text, "client=\"a\\\"} 9\\nblocky_error_total 99\\\\\""));
  EXPECT_FALSE(contains(text, "\xff"));
  EXPECT_FALSE(contains(text, std::string(kLabelBytesMax + 1, 'x')));
}

TEST(Metrics, SeriesAreBoundedAndTheCutIsCounted) {
  MetricsSnapshot s;
  for (std::size_t i = 0; i < kSeriesMax + 10; ++i) s.queries.push_back({std::to_string(i), "A", 1});
  EXPECT_TRUE(contains(render_metrics(s), "rampart_metrics_series_cut_total 10\n"));
}

TEST(Metrics, HistogramBoundsAreInclusive) {
  DurationHistogram h;
  h.add(0.005);
  EXPECT_EQ(h.buckets[0], 1u);
  h.add(2.0001);
  EXPECT_EQ(h.buckets[11], 1u);
}

TEST(Metrics, PromtoolFindsNothingWrong) {
  if (std::system("command -v promtool >/dev/null 2>&1") != 0) GTEST_SKIP() << "promtool is not installed";
  const auto path = std::filesystem::temp_directory_path() / ("rampart_metrics_" + std::to_string(getpid()));
  auto s = full();
  s.queries.push_back({"a\"\n\\\xff", "AAAA", 1});
  std::ofstream(path) << render_metrics(s);
  FILE* pipe = popen(("promtool check metrics < " + path.string() + " 2>&1; echo exit $?").c_str(), "r");
  std::string said;
  std::array<char, 1024> buffer;
  while (const std::size_t n = fread(buffer.data(), 1, buffer.size(), pipe)) said.append(buffer.data(), n);
  pclose(pipe);
  std::filesystem::remove(path);
  EXPECT_EQ(said, "exit 0\n");
}

}  // namespace
}  // namespace rampart::control
