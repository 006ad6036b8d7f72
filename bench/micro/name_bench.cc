// Names: folding as every query does, and reading a compressed one as the inspector does.
#include "dns/name.h"

#include <benchmark/benchmark.h>

#include <vector>

namespace {

using namespace rampart;

// Typical, short, long: the median of real query names is about 22 octets.
const char* const kNames[] = {"www.Example.org", "a.io", "e1234.dscx.akamaiedge.example.net",
                              "r4---sn-4g5ednse.googlevideo.example.com",
                              "p16-sign-va.tiktokcdn.very.deep.name.of.a.tracker.advertising.example.com"};

void BM_FoldedName_Assign(benchmark::State& state) {
  const dns::Name name = *dns::Name::parse(kNames[state.range(0)]);
  dns::FoldedName folded;
  for (auto _ : state) {
    folded.assign(name.view());
    benchmark::DoNotOptimize(folded);
  }
  state.SetLabel(kNames[state.range(0)]);
}
BENCHMARK(BM_FoldedName_Assign)->DenseRange(0, 4);

void BM_Name_EqualIgnoringCase(benchmark::State& state) {
  const dns::Name a = *dns::Name::parse("R4---sn-4g5ednse.googlevideo.example.com");
  const dns::Name b = *dns::Name::parse(kNames[3]);
  for (auto _ : state) benchmark::DoNotOptimize(dns::equal_ignoring_case(a.view(), b.view()));
}
BENCHMARK(BM_Name_EqualIgnoringCase);

void BM_Name_Read_Compressed(benchmark::State& state) {
  std::vector<std::uint8_t> message(12, 0);
  const dns::Name name = *dns::Name::parse(kNames[2]);
  message.insert(message.end(), name.wire().begin(), name.wire().end());
  const std::size_t start = message.size();
  for (const int octet : {3, int{'w'}, int{'w'}, int{'w'}, 0xc0, 12}) message.push_back(static_cast<std::uint8_t>(octet));
  for (auto _ : state) {
    std::size_t offset = start;
    benchmark::DoNotOptimize(dns::Name::read(message, offset));
  }
}
BENCHMARK(BM_Name_Read_Compressed);

}  // namespace
