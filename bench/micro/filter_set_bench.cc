// FilterSet at 1 M and 5 M names: cost of a decision for names that are not listed (warm, cold, cold in batches) and
// for listed ones, memory for each name, time and peak memory of a build, and the cost of a thousand regexes.
// Names are made up in the image of real ones; cold means that the caches are swept between the names' uses by the
// size of the index and of the set of names asked.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <cstdio>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "base/keyed_hash.h"
#include "blocklists/filter_set_builder.h"
#include "bench/support/synthetic_names.h"

namespace {

using namespace rampart;
using blocklists::FilterSet;
using blocklists::GroupMask;
using blocklists::NameHashes;
using blocklists::RuleKind;

constexpr base::HashKey kKey{};
constexpr std::size_t kBatch = 32;

blocklists::CompiledSource compile(std::size_t count) {
  blocklists::SourceCompiler compiler(kKey);
  bench::SyntheticNames names(1);
  for (std::size_t i = 0; i < count; ++i) {
    const std::string name = names.next();
    compiler.add({.kind = i % 4 == 0 ? RuleKind::kExact : RuleKind::kWildcard, .name = name});
  }
  return compiler.finish();
}

std::shared_ptr<const FilterSet> build(blocklists::CompiledSource&& source) {
  auto builder = blocklists::FilterSetBuilder::create(kKey, {"ads"});
  (void)builder->add_source({.name = "bench", .group = 0, .action = blocklists::Action::kDeny}, std::move(source));
  return builder->build().value();
}

const FilterSet& filter_set(std::size_t count) {
  static std::map<std::size_t, std::shared_ptr<const FilterSet>> sets;
  auto& set = sets[count];
  if (!set) set = build(compile(count));
  return *set;
}

std::vector<dns::FoldedName> folded_names(unsigned seed, std::size_t count) {
  bench::SyntheticNames names(seed);
  std::vector<dns::FoldedName> result(count);
  for (auto& name : result) name.assign(dns::Name::parse(names.next()).value().view());
  return result;
}

/// The name itself is warm in a server, which has just parsed it: fetch it ahead of its turn.
void fetch_ahead(const std::vector<dns::FoldedName>& names, std::size_t i) {
  const dns::FoldedName& name = names[(i + 8) % names.size()];
  __builtin_prefetch(name.wire.data());
  __builtin_prefetch(name.wire.data() + 48);
  __builtin_prefetch(name.label_at.data());
  __builtin_prefetch(&name.length);
}

void report_memory(benchmark::State& state, const FilterSet& set) {
  state.counters["bytes_per_name"] = static_cast<double>(set.memory_bytes()) / static_cast<double>(set.rule_count());
}

/// Few names, asked again and again.
void BM_FilterSet_Match_NotListedWarm(benchmark::State& state) {
  const FilterSet& set = filter_set(static_cast<std::size_t>(state.range(0)));
  const auto names = folded_names(2, 256);
  std::size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(set.match(names[i], 1));
    i = (i + 1) % names.size();
  }
  report_memory(state, set);
}

/// Each name is asked once in a quarter of a million: its lines have left the near caches.
void BM_FilterSet_Match_NotListedCold(benchmark::State& state) {
  const FilterSet& set = filter_set(static_cast<std::size_t>(state.range(0)));
  const auto names = folded_names(3, 1 << 18);
  std::size_t i = 0;
  for (auto _ : state) {
    fetch_ahead(names, i);
    benchmark::DoNotOptimize(set.match(names[i], 1));
    i = (i + 1) % names.size();
  }
}

void BM_FilterSet_Match_NotListedColdBatch(benchmark::State& state) {
  const FilterSet& set = filter_set(static_cast<std::size_t>(state.range(0)));
  const auto names = folded_names(4, 1 << 18);
  std::vector<NameHashes> hashes(kBatch);
  std::size_t i = 0;
  while (state.KeepRunningBatch(kBatch)) {
    for (std::size_t j = 0; j < kBatch; ++j) {
      fetch_ahead(names, i + j);
      blocklists::hash_suffixes(set.key(), names[i + j], hashes[j]);
      set.prefetch(hashes[j]);
    }
    for (std::size_t j = 0; j < kBatch; ++j) benchmark::DoNotOptimize(set.match(names[i + j], hashes[j], 1));
    i = (i + kBatch) % names.size();
  }
}

void BM_FilterSet_Match_ListedCold(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const FilterSet& set = filter_set(count);
  const auto names = folded_names(1, std::min<std::size_t>(count, 1 << 18));
  std::size_t i = 0;
  for (auto _ : state) {
    fetch_ahead(names, i);
    const auto verdict = set.match(names[i], 1);
    if (verdict.action != blocklists::Action::kDeny) state.SkipWithError("a listed name was not found");
    i = (i + 1) % names.size();
  }
}

void BM_NameHashes(benchmark::State& state) {
  const auto names = folded_names(2, 256);
  NameHashes hashes;
  std::size_t i = 0;
  for (auto _ : state) {
    blocklists::hash_suffixes(kKey, names[i], hashes);
    benchmark::DoNotOptimize(hashes);
    i = (i + 1) % names.size();
  }
}

/// Resident memory, peak since the last reset, in bytes.
std::size_t peak_memory() {
  std::FILE* status = std::fopen("/proc/self/status", "r");
  char line[256];
  std::size_t kib = 0;
  while (status != nullptr && std::fgets(line, sizeof line, status) != nullptr) {
    if (std::sscanf(line, "VmHWM: %zu kB", &kib) == 1) break;
  }
  if (status != nullptr) std::fclose(status);
  return kib * 1024;
}
void reset_peak_memory() {
  if (std::FILE* f = std::fopen("/proc/self/clear_refs", "w")) {
    std::fputs("5", f);
    std::fclose(f);
  }
}

/// From the hashes of one source that nobody else keeps; `peak_to_index` counts the hashes too.
void BM_FilterSetBuilder_Build(benchmark::State& state) {
  double peak = 0;
  double index = 0;
  for (auto _ : state) {
    state.PauseTiming();
    reset_peak_memory();
    const std::size_t before = peak_memory();
    auto source = compile(static_cast<std::size_t>(state.range(0)));
    state.ResumeTiming();
    const auto set = build(std::move(source));
    state.PauseTiming();
    peak = static_cast<double>(peak_memory() - before);
    index = static_cast<double>(set->memory_bytes());
    state.ResumeTiming();
  }
  state.counters["peak_to_index"] = peak / index;
  state.counters["index_MiB"] = index / (1 << 20);
}

void BM_FilterSet_Regexes(benchmark::State& state) {
  auto builder = blocklists::FilterSetBuilder::create(kKey, {"ads"});
  const auto source = builder->add_source({.name = "bench", .group = 0, .action = blocklists::Action::kDeny});
  const auto patterns = bench::synthetic_regexes(static_cast<std::size_t>(state.range(0)));
  for (const auto& pattern : patterns) builder->add(source, {.kind = RuleKind::kRegex, .regex = pattern});
  const auto set = builder->build().value();
  const auto names = folded_names(5, static_cast<std::size_t>(state.range(1)));
  for (const auto& name : names) benchmark::DoNotOptimize(set->match(name, 1));
  std::size_t i = 0;
  std::size_t hits = 0;
  for (auto _ : state) {
    hits += set->match(names[i], 1).match_count;
    i = (i + 1) % names.size();
  }
  state.counters["hit_ratio"] = static_cast<double>(hits) / static_cast<double>(state.iterations());
}

void sizes(benchmark::internal::Benchmark* bench) { bench->Arg(1'000'000)->Arg(5'000'000); }

BENCHMARK(BM_NameHashes);
BENCHMARK(BM_FilterSet_Match_NotListedWarm)->Apply(sizes);
BENCHMARK(BM_FilterSet_Match_NotListedCold)->Apply(sizes);
BENCHMARK(BM_FilterSet_Match_NotListedColdBatch)->Apply(sizes);
BENCHMARK(BM_FilterSet_Match_ListedCold)->Apply(sizes);
BENCHMARK(BM_FilterSetBuilder_Build)->Apply(sizes)->Unit(benchmark::kMillisecond)->Iterations(3);
BENCHMARK(BM_FilterSet_Regexes)->ArgNames({"regexes", "names"})->Args({1000, 1000})->Args({1000, 100'000});

}  // namespace
