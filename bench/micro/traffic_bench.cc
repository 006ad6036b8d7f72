// What the metrics with names in their labels cost the drain thread for each query.
#include <benchmark/benchmark.h>

#include "control/traffic_counters.h"
#include "control/traffic_observer.h"
#include "tests/support/query_event_builder.h"

namespace rampart::control {
namespace {

using storage::MatchKind;
using storage::Reason;
using test_support::QueryEventBuilder;

/// Cached (0), blocked (1) and forwarded (2) answers to eight clients; not observed: what the texts alone cost.
void BM_TrafficObserver_Observe(benchmark::State& state) {
  std::vector<std::vector<std::uint8_t>> records;
  for (int client = 1; client <= 8; ++client) {
    const std::string address = "192.0.2." + std::to_string(client);
    QueryEventBuilder event("www.some-name.example.org.");
    if (state.range(0) == 0) event.reason(Reason::kCached);
    if (state.range(0) == 1) event.reason(Reason::kBlocked).match(MatchKind::kExact, 0, "ads", "");
    records.push_back(event.client(address, std::string()).answer_a("192.0.2.1").record());
  }
  TrafficCounters counters;
  TrafficObserver observer(counters, nullptr);
  storage::QueryEventTexts texts;
  std::size_t next = 0;
  for (auto _ : state) {
    const auto event = storage::QueryEventView::parse(records[next++ % records.size()]);
    texts.assign(*event);
    if (state.range(1) != 0) observer.observe(*event, texts);
    benchmark::DoNotOptimize(texts.client_ip.data());
  }
}
BENCHMARK(BM_TrafficObserver_Observe)->ArgNames({"kind", "observed"})->ArgsProduct({{0, 1, 2}, {0, 1}});

}  // namespace
}  // namespace rampart::control
