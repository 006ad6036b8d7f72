// The whole way of a query between reading and sending, as a worker goes it: begin() for a batch, decide() for
// each, note() with its record in the ring. Warm, and after a look at so much other memory that the processor's
// caches have forgotten everything, which is what sleeping beside other work comes to.
#include <benchmark/benchmark.h>

#include <chrono>
#include <random>
#include <vector>

#include "storage/query_event_ring.h"
#include "tests/support/pipeline_world.h"

namespace rampart {
namespace {

using blocklists::Action;
using resolver::Disposition;
using test::Bytes;
using test::make_query;

enum Kind { kCached, kBlocked, kUnknown };
constexpr const char* kKindNames[] = {"cached", "blocked", "unknown"};

constexpr std::size_t kListed = 1'000'000;
constexpr std::size_t kPopular = 2'000;
constexpr std::size_t kQueries = 8'192;  // each batch asks others of them
constexpr std::size_t kBatchMax = 32;

std::string listed_name(std::size_t i) {
  return "ad" + std::to_string(i) + ".track" + std::to_string(i % 9973) + ".example.net";
}

/// A policy with a million names, a cache with the popular ones, and queries of each kind.
struct World {
  test::PipelineWorld world{{{"ads", Action::kDeny, list()}}};
  storage::QueryEventRing events{2u << 20};
  resolver::Pipeline pipeline{world.cache(), world.counters(), &events};
  std::vector<Bytes> queries[3];

  static std::string list() {
    std::string text;
    for (std::size_t i = 0; i < kListed; ++i) text += listed_name(i) + "\n";
    return text;
  }

  World() {
    for (std::size_t i = 0; i < kPopular; ++i) {
      const Bytes query = make_query(popular_name(i), dns::RrType::kA);
      world.resolve(query, test::make_response(query, dns::Rcode::kNoError,
                                               {{"", dns::RrType::kA, 300, test::a_rdata(192, 0, 2, 1)}}));
    }
    std::mt19937_64 random(7);
    for (std::size_t i = 0; i < kQueries; ++i) {
      queries[kCached].push_back(make_query(popular_name(random() % kPopular), dns::RrType::kA));
      queries[kBlocked].push_back(make_query(listed_name(random() % kListed), dns::RrType::kA));
      queries[kUnknown].push_back(make_query("m" + std::to_string(i) + ".miss.example", dns::RrType::kA));
    }
  }
  static std::string popular_name(std::size_t i) { return "host" + std::to_string(i) + ".popular.example"; }
};

World& world() {
  static World w;
  return w;
}

constexpr std::size_t kOtherKibMax = 16 << 10;

/// Reads and writes so much other memory: 64 KiB are a first-level cache and more, 16 MiB a second-level one.
std::uint64_t look_elsewhere(std::size_t kib) {
  static std::vector<std::uint64_t> other((kOtherKibMax << 10) / sizeof(std::uint64_t), 1);
  constexpr std::size_t kLine = 64 / sizeof(std::uint64_t);
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < (kib << 10) / sizeof(std::uint64_t); i += kLine) sum += other[i]++;
  return sum;
}

/// One batch; the time that it took, in seconds.
double answer_batch(World& w, Kind kind, std::size_t first, std::size_t count) {
  static std::array<resolver::QueryContext, kBatchMax> contexts;
  static std::array<std::array<std::uint8_t, 2048>, kBatchMax> out;
  static std::array<std::size_t, kBatchMax> lengths;
  static const base::IpAddress client = *base::IpAddress::parse("192.0.2.10");
  const resolver::PolicySnapshot& policy = w.world.policy();
  const base::Instant now = w.world.now();
  const Disposition expected = kind == kUnknown ? Disposition::kForward : Disposition::kRespond;
  bool is_right = true;
  const auto begin = std::chrono::steady_clock::now();
  w.pipeline.begin_batch();
  for (std::size_t i = 0; i < count; ++i) {
    contexts[i].wire = w.queries[kind][(first + i) % kQueries];
    contexts[i].client = client;
    contexts[i].arrival = now;
    w.pipeline.begin(contexts[i], policy);
  }
  for (std::size_t i = 0; i < count; ++i) w.pipeline.prepare(contexts[i], policy);
  for (std::size_t i = 0; i < count; ++i)
    is_right &= w.pipeline.decide(contexts[i], policy, now, out[i], lengths[i]) == expected;
  if (kind != kUnknown)
    for (std::size_t i = 0; i < count; ++i)
      w.pipeline.note(contexts[i], policy, {0, 10}, base::ByteView(out[i]).first(lengths[i]));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
  if (!is_right) throw std::runtime_error("the pipeline decided otherwise than the bench expects");
  return took.count();
}

void BM_Pipeline_Answer(benchmark::State& state) {
  const auto kind = static_cast<Kind>(state.range(0));
  const auto batch = static_cast<std::size_t>(state.range(1));
  const auto other_kib = static_cast<std::size_t>(state.range(2));
  World& w = world();
  std::size_t first = 0;
  double seconds = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(look_elsewhere(other_kib));
    const double took = answer_batch(w, kind, first, batch);
    state.SetIterationTime(took);
    seconds += took;
    first = (first + batch) % kQueries;
    w.events.consume([](base::ByteView) {}, SIZE_MAX);
  }
  const auto answered = static_cast<double>(state.iterations()) * static_cast<double>(batch);
  state.counters["ns_per_query"] = seconds * 1e9 / answered;
  state.SetLabel(kKindNames[kind]);
}
BENCHMARK(BM_Pipeline_Answer)
    ->ArgNames({"kind", "batch", "other_KiB"})
    ->ArgsProduct({{kCached, kBlocked, kUnknown}, {1, 6, 32}, {0, 64}})
    ->UseManualTime();
// What empties the caches takes 200 times as long as what is measured, and Benchmark looks at the latter alone.
BENCHMARK(BM_Pipeline_Answer)
    ->ArgNames({"kind", "batch", "other_KiB"})
    ->ArgsProduct({{kCached, kBlocked, kUnknown}, {1, 6, 32}, {kOtherKibMax}})
    ->UseManualTime()
    ->Iterations(2'000);

}  // namespace
}  // namespace rampart
