// FilterSet at 1 M and 5 M names: cost of a decision for names of four labels that are not listed (warm, cold, cold in
// batches) and for listed ones, beside the naive set of strings; the same with 1, 8 and 64 groups of lists; memory for
// each name, time and peak memory of a build, and the cost of a thousand regexes.
// Names are made up in the image of real ones. Warm: few names, asked again and again. Cold: a quarter of a million
// names in turn, whose lines of the index have left the near caches; the names themselves are folded just before, as
// in a server, and only the decision is timed, by the processor time of the thread.
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <map>
#include <string>
#include <string_view>
#include <unordered_set>
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
constexpr std::size_t kColdNames = 1 << 18;
constexpr std::size_t kWarmNames = 64;  // with their lines of the index they fit into the nearest cache

std::shared_ptr<blocklists::CompiledSource> compile(std::size_t count) {
  blocklists::SourceCompiler compiler(kKey);
  bench::SyntheticNames names(1);
  for (std::size_t i = 0; i < count; ++i) {
    const std::string name = names.next();
    compiler.add({.kind = i % 4 == 0 ? RuleKind::kExact : RuleKind::kWildcard, .name = name});
  }
  return std::make_shared<blocklists::CompiledSource>(compiler.finish());
}

std::shared_ptr<const FilterSet> build(std::shared_ptr<const blocklists::CompiledSource> source) {
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

bool has_four_labels(const std::string& name) { return std::count(name.begin(), name.end(), '.') == 3; }

std::vector<dns::Name> four_label_names(unsigned seed, std::size_t count) {
  bench::SyntheticNames names(seed);
  std::vector<dns::Name> result;
  result.reserve(count);
  while (result.size() < count) {
    if (const std::string name = names.next(); has_four_labels(name)) result.push_back(dns::Name::parse(name).value());
  }
  return result;
}

std::vector<dns::FoldedName> folded_names(unsigned seed, std::size_t count) {
  std::vector<dns::FoldedName> result(count);
  const auto names = four_label_names(seed, count);
  for (std::size_t i = 0; i < count; ++i) result[i].assign(names[i].view());
  return result;
}

double thread_seconds() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

/// Times `ask(block of folded names)`, with cold memory behind it.
template <class Ask>
void run_cold(benchmark::State& state, const std::vector<dns::Name>& names, const Ask& ask) {
  constexpr std::size_t kBlock = 256;
  std::vector<dns::FoldedName> block(kBlock);
  std::size_t next = 0;
  for (auto _ : state) {
    for (auto& name : block) {
      name.assign(names[next].view());
      next = (next + 1) % names.size();
    }
    const double before = thread_seconds();
    ask(block);
    state.SetIterationTime((thread_seconds() - before) / kBlock);
  }
}

void report_memory(benchmark::State& state, const FilterSet& set) {
  state.counters["bytes_per_name"] = static_cast<double>(set.memory_bytes()) / static_cast<double>(set.rule_count());
}

void ask_warm(benchmark::State& state, const FilterSet& set, GroupMask groups) {
  const auto names = folded_names(2, kWarmNames);
  std::size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(set.match(names[i], groups));
    i = (i + 1) % names.size();
  }
}

void ask_cold(benchmark::State& state, const FilterSet& set, GroupMask groups) {
  run_cold(state, four_label_names(3, kColdNames), [&](const std::vector<dns::FoldedName>& block) {
    for (const auto& name : block) benchmark::DoNotOptimize(set.match(name, groups));
  });
}

void BM_FilterSet_Match_NotListedWarm(benchmark::State& state) {
  const FilterSet& set = filter_set(static_cast<std::size_t>(state.range(0)));
  ask_warm(state, set, 1);
  report_memory(state, set);
}

/// Beside a list with a wildcard for a whole top-level domain, for which every name asks the small table too.
void BM_FilterSet_TopWildcard_NotListedWarm(benchmark::State& state) {
  auto builder = blocklists::FilterSetBuilder::create(kKey, {"ads"});
  const auto deny = blocklists::Action::kDeny;
  const auto names = compile(static_cast<std::size_t>(state.range(0)));
  (void)builder->add_source({.name = "names", .group = 0, .action = deny}, names);
  const auto top = builder->add_source({.name = "top", .group = 0, .action = deny});
  builder->add(top, {.kind = RuleKind::kWildcard, .name = "zip"});
  ask_warm(state, *builder->build().value(), 1);
}

void BM_FilterSet_Match_NotListedCold(benchmark::State& state) {
  ask_cold(state, filter_set(static_cast<std::size_t>(state.range(0))), 1);
}

void BM_FilterSet_Match_NotListedColdBatch(benchmark::State& state) {
  const FilterSet& set = filter_set(static_cast<std::size_t>(state.range(0)));
  std::vector<NameHashes> hashes(kBatch);
  run_cold(state, four_label_names(4, kColdNames), [&](const std::vector<dns::FoldedName>& block) {
    for (std::size_t i = 0; i < block.size(); i += kBatch) {
      for (std::size_t j = 0; j < kBatch; ++j) {
        blocklists::hash_suffixes(set.key(), block[i + j], hashes[j]);
        set.prefetch(hashes[j]);
      }
      for (std::size_t j = 0; j < kBatch; ++j)
        benchmark::DoNotOptimize(set.match(block[i + j], hashes[j], 1, dns::RrType::kA));
    }
  });
}

void BM_FilterSet_Match_ListedCold(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const FilterSet& set = filter_set(count);
  // The names of the same seed, of which about a quarter have four labels.
  run_cold(state, four_label_names(1, std::min(kColdNames, count / 8)), [&](const std::vector<dns::FoldedName>& block) {
    for (const auto& name : block) {
      if (set.match(name, 1).action != blocklists::Action::kDeny) state.SkipWithError("a listed name was not found");
    }
  });
}

/// One million names in as many lists of as many groups; a fourth of the names is in a second list. The client is in
/// all groups.
const FilterSet& grouped_set(std::size_t groups) {
  static std::map<std::size_t, std::shared_ptr<const FilterSet>> sets;
  auto& set = sets[groups];
  if (set) return *set;
  std::vector<std::string> group_names;
  for (std::size_t i = 0; i < groups; ++i) group_names.push_back("group" + std::to_string(i));
  auto builder = blocklists::FilterSetBuilder::create(kKey, group_names);
  std::vector<blocklists::FilterSetBuilder::SourceId> lists;
  for (std::size_t i = 0; i < groups; ++i) {
    lists.push_back(builder->add_source(
        {.name = "list" + std::to_string(i), .group = static_cast<std::uint8_t>(i), .action = blocklists::Action::kDeny}));
  }
  bench::SyntheticNames names(1);
  for (std::size_t i = 0; i < 1'000'000; ++i) {
    const std::string name = names.next();
    const blocklists::Rule rule{.kind = i % 4 == 0 ? RuleKind::kExact : RuleKind::kWildcard, .name = name};
    builder->add(lists[i % groups], rule);
    if (i % 4 == 1) builder->add(lists[i / groups % groups], rule);
  }
  set = builder->build().value();
  return *set;
}

void BM_FilterSet_Groups_NotListedWarm(benchmark::State& state) {
  const FilterSet& set = grouped_set(static_cast<std::size_t>(state.range(0)));
  ask_warm(state, set, ~GroupMask{0});
  report_memory(state, set);
}

void BM_FilterSet_Groups_NotListedCold(benchmark::State& state) {
  ask_cold(state, grouped_set(static_cast<std::size_t>(state.range(0))), ~GroupMask{0});
}

/// What one writes first: a hash set of strings, asked for the name and its parents.
struct TextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>()(text); }
};
using NaiveSet = std::unordered_set<std::string, TextHash, std::equal_to<>>;

struct Naive {
  NaiveSet names;
  double bytes = 0;
};

const Naive& naive_set(std::size_t count) {
  static std::map<std::size_t, Naive> sets;
  Naive& naive = sets[count];
  if (!naive.names.empty()) return naive;
  const std::size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
  bench::SyntheticNames names(1);
  for (std::size_t i = 0; i < count; ++i) naive.names.insert(names.next());
  naive.bytes = static_cast<double>(mallinfo2().uordblks + mallinfo2().hblkhd - before);
  return naive;
}

bool naive_match(const NaiveSet& set, std::string_view name) noexcept {
  while (true) {
    if (set.find(name) != set.end()) return true;
    const std::size_t dot = name.find('.');
    if (dot == std::string_view::npos) return false;
    name.remove_prefix(dot + 1);
  }
}

void ask_naive(benchmark::State& state, std::size_t different_names) {
  const Naive& naive = naive_set(static_cast<std::size_t>(state.range(0)));
  std::vector<std::string> asked;
  for (const auto& name : four_label_names(3, different_names)) asked.push_back(dns::to_text(name.view()));
  std::size_t i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(naive_match(naive.names, asked[i]));
    i = (i + 1) % asked.size();
  }
  state.counters["bytes_per_name"] = naive.bytes / static_cast<double>(naive.names.size());
}

void BM_NaiveSet_NotListedWarm(benchmark::State& state) { ask_naive(state, 256); }
void BM_NaiveSet_NotListedCold(benchmark::State& state) { ask_naive(state, kColdNames); }

void BM_NameHashes(benchmark::State& state) {
  const auto names = folded_names(2, kWarmNames);
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

/// From one source on disk; `peak_to_index` does not count what compiling it took.
void BM_FilterSetBuilder_Build(benchmark::State& state) {
  double peak = 0;
  double index = 0;
  for (auto _ : state) {
    state.PauseTiming();
    const auto source = compile(static_cast<std::size_t>(state.range(0)));
    if (!source->move_to_disk("").ok()) state.SkipWithError("no disk takes the names");
    reset_peak_memory();
    const std::size_t before = peak_memory();
    state.ResumeTiming();
    const auto set = build(source);
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
// Each iteration times a block of names; some thousand of them ask each name several times.
void cold(benchmark::internal::Benchmark* bench) { bench->UseManualTime()->Iterations(4096); }

BENCHMARK(BM_NameHashes);
BENCHMARK(BM_FilterSet_Match_NotListedWarm)->Apply(sizes);
BENCHMARK(BM_FilterSet_TopWildcard_NotListedWarm)->Apply(sizes);
BENCHMARK(BM_FilterSet_Match_NotListedCold)->Apply(sizes)->Apply(cold);
BENCHMARK(BM_FilterSet_Match_NotListedColdBatch)->Apply(sizes)->Apply(cold);
BENCHMARK(BM_FilterSet_Match_ListedCold)->Apply(sizes)->Apply(cold);
BENCHMARK(BM_FilterSet_Groups_NotListedWarm)->ArgName("groups")->Arg(1)->Arg(8)->Arg(64);
BENCHMARK(BM_FilterSet_Groups_NotListedCold)->ArgName("groups")->Arg(1)->Arg(8)->Arg(64)->Apply(cold);
BENCHMARK(BM_NaiveSet_NotListedWarm)->Apply(sizes);
BENCHMARK(BM_NaiveSet_NotListedCold)->Apply(sizes);
BENCHMARK(BM_FilterSetBuilder_Build)->Apply(sizes)->Unit(benchmark::kMillisecond)->Iterations(3);
BENCHMARK(BM_FilterSet_Regexes)->ArgNames({"regexes", "names"})->Args({1000, 1000})->Args({1000, 100'000});

}  // namespace
