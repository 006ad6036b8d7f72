// The look at a client's message that every query pays for: parse, and fold the name.
#include "dns/query_view.h"

#include <benchmark/benchmark.h>

#include <random>

#include "dns/message_view.h"
#include "tests/support/dns_messages.h"

namespace {

using namespace rampart;
using testing::Bytes;
using testing::edns_option;
using testing::opt_record;
using testing::query_for;

Bytes query_of_kind(int kind) {
  auto builder = query_for("e1234.Dscx.akamaiedge.example.net", dns::RrType::kA);
  if (kind == 1) builder.additional(opt_record(1232));
  if (kind == 2)
    builder.additional(opt_record(4096, 0x8000, edns_option(10, Bytes(8, 1)) +
                                                   edns_option(8, {0, 1, 24, 0, 192, 0, 2})));
  return builder.build();
}
const char* const kKinds[] = {"plain", "opt", "opt_cookie_ecs"};

void BM_QueryView_Parse(benchmark::State& state) {
  const Bytes wire = query_of_kind(static_cast<int>(state.range(0)));
  for (auto _ : state) {
    const auto query = dns::QueryView::parse(wire);
    benchmark::DoNotOptimize(query);
  }
  state.SetLabel(kKinds[state.range(0)]);
}
BENCHMARK(BM_QueryView_Parse)->DenseRange(0, 2);

void BM_QueryView_ParseAndFold(benchmark::State& state) {
  const Bytes wire = query_of_kind(static_cast<int>(state.range(0)));
  dns::FoldedName folded;
  for (auto _ : state) {
    const auto query = dns::QueryView::parse(wire);
    folded.assign(query->qname());
    benchmark::DoNotOptimize(folded);
  }
  state.SetLabel(kKinds[state.range(0)]);
}
BENCHMARK(BM_QueryView_ParseAndFold)->DenseRange(0, 2);

/// 4096 different names in changing order: what branch predictors see in service.
void BM_QueryView_ParseAndFold_Mixed(benchmark::State& state) {
  std::mt19937 random(1);
  std::vector<Bytes> queries;
  for (int i = 0; i < 4096; ++i) {
    std::string name;
    for (unsigned labels = 1 + random() % 4; labels > 0; --labels) name += std::string(1 + random() % 14, 'x') + ".";
    auto builder = query_for(name + "Com", random() % 2 ? dns::RrType::kA : dns::RrType::kAaaa);
    if (random() % 2) builder.additional(opt_record(1232));
    queries.push_back(builder.build());
  }
  dns::FoldedName folded;
  std::size_t next = 0;
  for (auto _ : state) {
    const auto query = dns::QueryView::parse(queries[next++ & 4095]);
    folded.assign(query->qname());
    benchmark::DoNotOptimize(folded);
  }
}
BENCHMARK(BM_QueryView_ParseAndFold_Mixed);

void BM_MessageView_Parse_CnameAndFourAddresses(benchmark::State& state) {
  auto builder = testing::response_for("www.example.org", dns::RrType::kA);
  builder.answer(testing::record(testing::pointer_to(12), 5, 60, Bytes{3, 'c', 'd', 'n'} + testing::pointer_to(16)));
  for (std::uint8_t i = 0; i < 4; ++i) builder.answer(testing::record(testing::pointer_to(45), 1, 60, {192, 0, 2, i}));
  const Bytes wire = builder.additional(opt_record(1232)).build();
  for (auto _ : state) {
    const auto message = dns::MessageView::parse(wire);
    benchmark::DoNotOptimize(message);
  }
}
BENCHMARK(BM_MessageView_Parse_CnameAndFourAddresses);

}  // namespace
