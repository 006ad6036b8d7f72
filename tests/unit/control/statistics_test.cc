#include "control/statistics.h"

#include <gtest/gtest.h>

#include "control/traffic_counters.h"

namespace rampart::control {
namespace {

using storage::ResponseType;
using namespace std::chrono_literals;

const base::WallTime kStart = base::WallTime(std::chrono::hours(500'000));

StatSample sample(ResponseType type, std::string_view name = "example.org", std::string_view client = "laptop") {
  StatSample s;
  s.time = kStart + 5min;
  s.client = client;
  s.name = name;
  s.query_type = "A";
  s.return_code = "NOERROR";
  s.reason_label = "RESOLVED (udp:192.0.2.53)";
  s.response_type = type;
  s.duration_us = 10'000;
  return s;
}

TEST(Statistics, EveryResponseTypeFallsIntoItsCategory) {
  Statistics statistics;
  for (std::size_t i = 0; i < storage::kResponseTypeCount; ++i) statistics.record(sample(static_cast<ResponseType>(i)));
  const auto r = statistics.report(kStart + 10min);
  EXPECT_EQ(r.queries, storage::kResponseTypeCount);
  EXPECT_EQ(r.blocked, 2u);
  EXPECT_EQ(r.filtered, 2u);
  EXPECT_EQ(r.forwarded, 2u);
  EXPECT_EQ(r.cached, 1u);
  EXPECT_EQ(r.local, 4u);
  EXPECT_EQ(r.errors, 2u);
  EXPECT_EQ(r.dropped, 1u);
  EXPECT_DOUBLE_EQ(r.cache_hit_rate, 1.0 / 3);
  EXPECT_DOUBLE_EQ(r.average_response_ms, 10.0);
  EXPECT_EQ(r.by_response_type.at("REBIND"), 1u);
  EXPECT_EQ(r.by_query_type.at("A"), storage::kResponseTypeCount - 1);  // a dropped query has only its client
  ASSERT_EQ(r.top_blocked_domains.size(), 1u);
  EXPECT_EQ(r.top_blocked_domains[0].count, 2u);
  EXPECT_EQ(r.top_clients.at(0).name, "laptop");
}

TEST(Statistics, DropsCountByTheirNumberOnly) {
  Statistics statistics;
  statistics.record(sample(ResponseType::kCached));
  statistics.record_drops(kStart + 5min, 1000);
  const auto r = statistics.report(kStart + 10min);
  EXPECT_EQ(r.queries, 1001u);
  EXPECT_EQ(r.dropped, 1000u);
  EXPECT_EQ(r.by_response_type.at("DROPPED"), 1000u);
  EXPECT_EQ(r.top_clients.size(), 1u);
  EXPECT_DOUBLE_EQ(r.average_response_ms, 10.0);
}

TEST(Statistics, HoursSlideOutOfTheWindow) {
  Statistics statistics;
  statistics.record(sample(ResponseType::kCached));
  auto r = statistics.report(kStart + 23h + 59min);
  EXPECT_EQ(r.queries, 1u);
  ASSERT_EQ(r.per_hour.size(), kStatsHours);
  EXPECT_EQ(r.per_hour.front().queries, 1u);
  EXPECT_EQ(r.per_hour.front().hour, kStart);
  r = statistics.report(kStart + 24h);
  EXPECT_EQ(r.queries, 0u);
  // A sample of a later day takes over the slot.
  auto later = sample(ResponseType::kCached);
  later.time += std::chrono::hours(25);
  statistics.record(later);
  EXPECT_EQ(statistics.report(later.time).queries, 1u);
}

TEST(Statistics, NamesOfClosedHoursAreStillRanked) {
  Statistics statistics;
  for (int i = 0; i < 3; ++i) statistics.record(sample(ResponseType::kResolved, "old.example.org"));
  auto now = sample(ResponseType::kResolved, "new.example.org");
  now.time += 2h;
  for (int i = 0; i < 2; ++i) statistics.record(now);
  statistics.record(sample(ResponseType::kResolved, "old.example.org"));  // late
  const auto r = statistics.report(now.time);
  ASSERT_EQ(r.top_domains.size(), 2u);
  EXPECT_EQ(r.top_domains[0].name, "old.example.org");
  EXPECT_EQ(r.top_domains[0].count, 4u);
  EXPECT_EQ(r.top_domains[1].count, 2u);
}

TEST(Statistics, AFloodOfNamesHidesNoFrequentOneAndOverstatesNone) {
  Statistics statistics;
  for (int i = 0; i < 60'000; ++i) {
    statistics.record(sample(ResponseType::kResolved, "random" + std::to_string(i) + ".example.org",
                             "client" + std::to_string(i)));
    if (i % 50 == 0) statistics.record(sample(ResponseType::kBlocked, "tracker.example.com"));
  }
  const auto r = statistics.report(kStart + 10min);
  EXPECT_EQ(r.top_domains.at(0).name, "tracker.example.com");
  EXPECT_LE(r.top_domains[0].count, 1200u);
  EXPECT_GE(r.top_domains[0].count, 1100u);
  EXPECT_EQ(r.top_domains.size(), kStatsTop);
  EXPECT_EQ(r.top_blocked_domains.at(0).count, 1200u);
  EXPECT_LT(statistics.memory_bytes(), 32u << 20);
}

TEST(Statistics, AClockThatWasSetBackBeginsANewWindow) {
  Statistics statistics;
  auto future = sample(ResponseType::kCached);
  future.time += std::chrono::hours(1000);
  statistics.record(future);
  statistics.record(sample(ResponseType::kCached));
  EXPECT_EQ(statistics.report(kStart + 10min).queries, 1u);
}

TEST(TrafficCounters, LabelsAreBlockys) {
  TrafficCounters counters;
  counters.record(sample(ResponseType::kResolved));
  counters.record(sample(ResponseType::kResolved));
  counters.record(sample(ResponseType::kError));
  counters.record(sample(ResponseType::kDropped));
  MetricsSnapshot snapshot;
  counters.fill(snapshot);
  ASSERT_EQ(snapshot.queries.size(), 1u);
  EXPECT_EQ(snapshot.queries[0].client, "laptop");
  EXPECT_EQ(snapshot.queries[0].type, "A");
  EXPECT_EQ(snapshot.queries[0].count, 3u);
  ASSERT_EQ(snapshot.responses.size(), 1u);
  EXPECT_EQ(snapshot.responses[0].reason, "RESOLVED (udp:192.0.2.53)");
  EXPECT_EQ(snapshot.responses[0].response_type, "RESOLVED");
  EXPECT_EQ(snapshot.responses[0].count, 2u);
  EXPECT_EQ(snapshot.errors, 1u);
  EXPECT_TRUE(snapshot.durations.contains("err"));
}

TEST(TrafficCounters, LabelsThatAreCutAreNeverTwoSeries) {
  TrafficCounters counters;
  const std::string start(kLabelBytesMax - 1, 'x');
  for (const std::string& client : {start, start + "\xc3\xa9", start + "\xc4\x8d"}) {
    counters.record(sample(ResponseType::kCached, "example.org", client));
  }
  MetricsSnapshot snapshot;
  counters.fill(snapshot);
  ASSERT_EQ(snapshot.queries.size(), 1u);
  EXPECT_EQ(snapshot.queries[0].client, start);
  EXPECT_EQ(snapshot.queries[0].count, 3u);
}

TEST(TrafficCounters, AFloodOfClientsIsFoldedAndSumsStayRight) {
  TrafficCounters counters;
  constexpr std::size_t kClients = kTrafficSeriesMax + 1000;
  for (std::size_t i = 0; i < kClients; ++i) {
    const std::string client = "c" + std::to_string(i);
    counters.record(sample(ResponseType::kCached, "example.org", client));
  }
  MetricsSnapshot snapshot;
  counters.fill(snapshot);
  std::uint64_t sum = 0;
  for (const auto& q : snapshot.queries) sum += q.count;
  EXPECT_EQ(sum, kClients);
  EXPECT_LE(snapshot.queries.size(), kTrafficSeriesMax + 1);
  EXPECT_EQ(counters.folded(), 1000u);
}

}  // namespace
}  // namespace rampart::control
