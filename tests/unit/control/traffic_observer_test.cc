#include "control/traffic_observer.h"

#include <gtest/gtest.h>

#include <map>

#include "tests/support/query_event_builder.h"

namespace rampart::control {
namespace {

using storage::MatchKind;
using storage::Reason;
using test_support::QueryEventBuilder;

struct Observed {
  void observe(const QueryEventBuilder& event) {
    const auto record = event.record();
    const auto view = storage::QueryEventView::parse(record);
    ASSERT_TRUE(view);
    texts.assign(*view);
    observer.observe(*view, texts);
  }
  std::map<std::string, std::uint64_t> by_reason() {
    MetricsSnapshot snapshot;
    counters.fill(snapshot);
    std::map<std::string, std::uint64_t> result;
    for (const auto& response : snapshot.responses) result[response.reason] += response.count;
    return result;
  }

  TrafficCounters counters;
  TrafficObserver observer{counters, nullptr};
  storage::QueryEventTexts texts;
};

QueryEventBuilder blocked(std::string_view group, MatchKind kind = MatchKind::kExact, std::string_view rule = {}) {
  QueryEventBuilder event("ad.example.net.");
  event.reason(Reason::kBlocked).match(kind, 0, group, rule);
  return event;
}

TEST(TrafficObserver, EachReasonIsCountedUnderItsOwnLabelInWhateverOrderTheyCome) {
  Observed observed;
  for (int i = 0; i < 3; ++i) {
    observed.observe(blocked("ads"));
    observed.observe(blocked("ads", MatchKind::kRegex, "^ad"));  // another rule of the same group
    observed.observe(blocked("malware"));
    observed.observe(blocked("ads").match(MatchKind::kExact, 0, "malware", ""));
    observed.observe(QueryEventBuilder("a.example.").reason(Reason::kResolved, "tcp+udp:192.0.2.53"));
    observed.observe(QueryEventBuilder("a.example.").reason(Reason::kResolved, "tcp+udp:192.0.2.54"));
    observed.observe(QueryEventBuilder("a.example.").reason(Reason::kCached));
    observed.observe(QueryEventBuilder("healthcheck.blocky.").reason(Reason::kHealthcheck));
  }
  const std::map<std::string, std::uint64_t> expected = {{"BLOCKED (ads)", 6},
                                                         {"BLOCKED (malware)", 3},
                                                         {"BLOCKED (ads, malware)", 3},
                                                         {"RESOLVED (tcp+udp:192.0.2.53)", 3},
                                                         {"RESOLVED (tcp+udp:192.0.2.54)", 3},
                                                         {"CACHED", 3}};
  EXPECT_EQ(observed.by_reason(), expected);
}

}  // namespace
}  // namespace rampart::control
