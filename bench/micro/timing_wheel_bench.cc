// What one deadline costs a query: arm and cancel with 100 k other deadlines alive, and the way to expiry.
#include <benchmark/benchmark.h>

#include <memory>
#include <random>
#include <vector>

#include "base/timing_wheel.h"

namespace rampart::base {
namespace {

void BM_TimingWheel_ArmCancel(benchmark::State& state) {
  const Instant start{std::chrono::seconds(1)};
  TimingWheel wheel(start);
  std::vector<TimerEntry> entries(static_cast<std::size_t>(state.range(0)));
  std::mt19937_64 random(1);
  for (TimerEntry& entry : entries) wheel.arm(entry, start + Duration(random() % 5'000'000'000));
  std::size_t i = 0;
  for (auto _ : state) {
    wheel.cancel(entries[i]);
    wheel.arm(entries[i], start + Duration(2'000'000'000) + Duration(i * 1000));
    if (++i == entries.size()) i = 0;
  }
}
BENCHMARK(BM_TimingWheel_ArmCancel)->Arg(1000)->Arg(100'000);

void BM_TimingWheel_ArmAndExpireAfter2s(benchmark::State& state) {
  Instant now{std::chrono::seconds(1)};
  TimingWheel wheel(now);
  std::vector<TimerEntry> entries(10'000);
  std::size_t i = 0;
  std::uint64_t expired = 0;
  for (auto _ : state) {
    now += std::chrono::microseconds(250);  // 4000 queries/s: 8000 alive
    wheel.advance(now, [&](TimerEntry&) { ++expired; });
    wheel.arm(entries[i], now + std::chrono::seconds(2));
    if (++i == entries.size()) i = 0;
  }
  benchmark::DoNotOptimize(expired);
}
BENCHMARK(BM_TimingWheel_ArmAndExpireAfter2s);

}  // namespace
}  // namespace rampart::base
