// The responses that we make ourselves: a blocked name, a negative answer.
#include "dns/response_writer.h"

#include <benchmark/benchmark.h>

#include "tests/support/dns_messages.h"

namespace {

using namespace rampart;
using testing::Bytes;
using testing::opt_record;
using testing::query_for;

void BM_ResponseWriter_BlockedAddress(benchmark::State& state) {
  const Bytes wire = query_for("ads.example.org", dns::RrType::kA).additional(opt_record(1232)).build();
  const auto query = *dns::QueryView::parse(wire);
  std::uint8_t out[dns::kUdpPayloadBytes];
  const std::uint8_t zero[4] = {};
  for (auto _ : state) {
    dns::ResponseWriter writer(query, out, dns::kUdpPayloadBytes);
    writer.add_a(21600, zero);
    if (state.range(0)) writer.add_ede(dns::EdeCode::kBlocked, "denylist ads: ads.example.org");
    benchmark::DoNotOptimize(writer.finish());
    benchmark::ClobberMemory();
  }
  state.SetLabel(state.range(0) ? "with EDE" : "without EDE");
}
BENCHMARK(BM_ResponseWriter_BlockedAddress)->Arg(0)->Arg(1);

void BM_ResponseWriter_NxDomainWithSoa(benchmark::State& state) {
  const Bytes wire = query_for("ads.example.org", dns::RrType::kA).build();
  const auto query = *dns::QueryView::parse(wire);
  const dns::Name zone = *dns::Name::parse("example.org");
  const dns::Name mname = *dns::Name::parse("rampart.example.org");
  std::uint8_t out[dns::kUdpPayloadBytes];
  for (auto _ : state) {
    dns::ResponseWriter writer(query, out, dns::kUdpPayloadBytes);
    writer.set_rcode(dns::Rcode::kNxDomain);
    writer.add_soa(zone.view(), 60, {mname.view(), zone.view(), 1, 2, 3, 4, 5});
    benchmark::DoNotOptimize(writer.finish());
    benchmark::ClobberMemory();
  }
}
BENCHMARK(BM_ResponseWriter_NxDomainWithSoa);

}  // namespace
