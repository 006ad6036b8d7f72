// Sharing over Redis: what an answer costs the worker that shares it, what it costs the Redis thread, and how many a real
// Redis on the same machine takes each second.
#include <benchmark/benchmark.h>

#include <thread>

#include "storage/redis_messages.h"
#include "storage/shared_state.h"
#include "tests/support/dns_messages.h"
#include "tests/support/redis_server.h"

namespace rampart::storage {
namespace {

constexpr dns::RrType kType = dns::RrType::kA;

testing::Bytes response_for(const std::string& name) {
  return testing::MessageBuilder()
      .flags(0x8180)
      .question(name, kType)
      .answer(testing::record(name, kType, 300, testing::Bytes{192, 0, 2, 1}))
      .build();
}

/// The ring is emptied outside the measurement, as the Redis thread would do it on another core.
void BM_CacheExportRing_Push(benchmark::State& state) {
  const auto answer = response_for("www.some-name.example.org");
  CacheExportRing ring;
  std::int64_t left = 0;
  for (auto _ : state) {
    if (left-- == 0) {
      state.PauseTiming();
      ring.consume([](const ExportedAnswer&) {}, SIZE_MAX);
      left = 2'000;
      state.ResumeTiming();
    }
    benchmark::DoNotOptimize(ring.push(kType, 300, answer));
  }
  state.counters["refused"] = static_cast<double>(ring.refused());
}
BENCHMARK(BM_CacheExportRing_Push)->Iterations(4'000'000);

void BM_CacheExportRing_PushWhenFull(benchmark::State& state) {
  const auto answer = response_for("www.some-name.example.org");
  CacheExportRing ring;
  while (ring.push(kType, 300, answer)) {
  }
  for (auto _ : state) benchmark::DoNotOptimize(ring.push(kType, 300, answer));
}
BENCHMARK(BM_CacheExportRing_PushWhenFull);

/// Both forms of one answer, key and SET's octets and its part of the message; a hundred in each message, as sent.
void BM_RedisMessages_Encode(benchmark::State& state) {
  const auto name = dns::Name::parse("www.some-name.example.org").value();
  const auto answer = response_for("www.some-name.example.org");
  std::string wire, text;
  std::size_t entries = 0;
  for (auto _ : state) {
    const std::string key = std::string(kRedisCachePrefix) + cache_key_text(name.view(), kType);
    const std::string_view words[] = {"SET", key, base::as_text(answer), "EX", "300"};
    append_command(wire, words);
    append_cache_entry(text, std::string_view(key).substr(kRedisCachePrefix.size()), answer);
    if (++entries % SharedState::kBatchMax != 0) continue;
    finish_cache_message(text, "01a20f60-5e9f-8de3-aead-b8502e402c9d");
    benchmark::DoNotOptimize(text.data());
    wire.clear();
    text.clear();
  }
}
BENCHMARK(BM_RedisMessages_Encode);

/// A message of a hundred answers, read: what each of the others pays.
void BM_RedisMessages_Decode(benchmark::State& state) {
  const auto name = dns::Name::parse("www.some-name.example.org").value();
  const auto answer = response_for("www.some-name.example.org");
  std::string text;
  for (std::size_t i = 0; i < SharedState::kBatchMax; ++i) append_cache_entry(text, cache_key_text(name.view(), kType), answer);
  finish_cache_message(text, "01a20f60-5e9f-8de3-aead-b8502e402c9d");
  for (auto _ : state) {
    const auto message = parse_cache_message(text);
    for (const auto& entry : message->entries) benchmark::DoNotOptimize(parse_cache_key(entry.key));
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(SharedState::kBatchMax));
}
BENCHMARK(BM_RedisMessages_Decode);

/// Ring to stored and published, with Redis on the same cores. Redis is asked each 100 ms, so the ring is kept full.
void BM_SharedState_Publish(benchmark::State& state) {
  if (!test_support::RedisServer::is_installed()) return state.SkipWithError("Redis is not installed");
  test_support::RedisServer server;
  server.start();
  SharedState shared(server.options(), {[](const SharedKey&, base::ByteView, std::uint32_t) { return TakeOver::kStored; },
                                        [](const BlockingChange&) { return base::Status(base::Done{}); }}, 1);
  if (!shared.start().ok()) return state.SkipWithError("Redis is not joined");
  std::vector<testing::Bytes> answers;
  for (int i = 0; i < 1000; ++i) answers.push_back(response_for("host" + std::to_string(i) + ".some-name.example.org"));
  std::uint64_t wanted = 0;
  constexpr std::size_t kRound = SharedState::kQueueMax;  // what may wait
  for (auto _ : state) {
    for (std::size_t i = 0; i < kRound; ++i) static_cast<void>(shared.ring(0).push(kType, 300, answers[i]));
    wanted += kRound;
    while (shared.status().published < wanted) std::this_thread::yield();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(wanted));
  state.counters["dropped"] = static_cast<double>(shared.status().dropped_queue_full + shared.status().dropped_ring_full);
}
BENCHMARK(BM_SharedState_Publish)->UseRealTime()->Unit(benchmark::kMillisecond)->Iterations(20);

}  // namespace
}  // namespace rampart::storage
