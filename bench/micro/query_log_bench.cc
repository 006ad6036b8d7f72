// The query log: what a push costs the worker, and what an entry costs the storage threads.
#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <filesystem>
#include <thread>

#include "storage/copy_binary.h"
#include "storage/copy_text.h"
#include "storage/entry_gatherer.h"
#include "storage/postgres_sink.h"
#include "storage/query_log.h"
#include "storage/spool.h"
#include "storage/sqlite_sink.h"
#include "tests/support/captured_output.h"
#include "tests/support/log_batches.h"
#include "tests/support/postgres_server.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/record_decoder.h"

namespace rampart::storage {
namespace {

using test_support::PostgresServer;
using test_support::QueryEventBuilder;
using test_support::RecordDecoder;

std::int64_t thread_cpu_ns() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

struct Parts {
  QueryEventHead head;
  std::vector<std::uint8_t> question, response;
  std::string names, detail;
  Parts() { assign(QueryEventBuilder("www.some-name.example.org.").answer_a("192.0.2.1").record()); }
  void assign(const std::vector<std::uint8_t>& record) {
    std::memcpy(static_cast<void*>(&head), record.data(), sizeof head);
    auto at = record.begin() + sizeof head;
    names.assign(at, at + head.client_names_length);
    at += head.client_names_length;
    detail.assign(at, at + head.detail_length);
    at += head.detail_length;
    question.assign(at, at + head.question_length);
    response.assign(at + head.question_length, record.end());
  }
  bool push(QueryEventRing& ring) const {
    return test_support::push_event(ring, head, base::as_bytes(names), base::as_bytes(detail), question, response);
  }
};

/// A worker's cost with the drain side keeping up: the ring is emptied outside the measurement, as the drain
/// thread would do it on another core.
void BM_QueryEventRing_Push(benchmark::State& state) {
  const Parts parts;
  QueryEventRing ring(2u << 20);
  std::int64_t left = 0;
  for (auto _ : state) {
    if (left-- == 0) {
      state.PauseTiming();
      ring.consume([](base::ByteView) {}, SIZE_MAX);
      left = 5'000;
      state.ResumeTiming();
    }
    benchmark::DoNotOptimize(parts.push(ring));
  }
  state.counters["refused"] = static_cast<double>(ring.refused());
}
BENCHMARK(BM_QueryEventRing_Push)->Iterations(4'000'000);

void BM_QueryEventRing_PushWhenFull(benchmark::State& state) {
  const Parts parts;
  QueryEventRing ring(4096);
  for (auto _ : state)
    benchmark::DoNotOptimize(parts.push(ring));
}
BENCHMARK(BM_QueryEventRing_PushWhenFull);

void BM_LogEntryDecoder_Decode(benchmark::State& state) {
  RecordDecoder decoder({});
  QueryEventBuilder event("www.some-name.example.org.");
  if (state.range(0) != 0) event.reason(Reason::kBlocked).match(MatchKind::kWildcard, 1, "ads", "");
  const auto record = event.answer_a("192.0.2.1").record();
  EntryBatch batch;
  for (auto _ : state) {
    if (decoder.decode(record) != LogEntryDecoder::Outcome::kEntry) state.SkipWithError("not decoded");
    batch.append(decoder.entry());
    if (batch.count() == 4096) batch = EntryBatch();
  }
}
BENCHMARK(BM_LogEntryDecoder_Decode)->ArgName("blocked")->Arg(0)->Arg(1);

/// What the drain thread does with a record when entries are printed: decodes it, and makes its line.
void BM_EntryGatherer_Line(benchmark::State& state) {
  RecordDecoder decoder({});
  QueryEventBuilder event("ad123456.track7890.example.net.");
  if (state.range(0) != 0) event.reason(Reason::kBlocked).match(MatchKind::kExact, 0, "ads", "");
  else event.reason(Reason::kCached);
  const auto record = event.answer_a("192.0.2.1").record();
  EntryGatherer lines;
  for (auto _ : state) {
    if (decoder.decode(record) != LogEntryDecoder::Outcome::kEntry) state.SkipWithError("not decoded");
    lines.add(decoder.entry(), true);
    if (lines.bytes() > (1 << 18)) benchmark::DoNotOptimize(lines.take());
  }
}
BENCHMARK(BM_EntryGatherer_Line)->ArgName("blocked")->Arg(0)->Arg(1);

void BM_CopyTextWriter_AppendRow(benchmark::State& state) {
  const EntryBatch batch = test_support::numbered_batch(0, 1000);
  CopyTextWriter writer;
  std::string rows;
  for (auto _ : state) {
    rows.clear();
    batch.for_each([&](const LogEntry& entry) {
      writer.append_row(entry, rows);
      return true;
    });
  }
  state.SetItemsProcessed(state.iterations() * batch.count());
}
BENCHMARK(BM_CopyTextWriter_AppendRow);

void BM_CopyBinaryWriter_AppendRow(benchmark::State& state) {
  const EntryBatch batch = test_support::numbered_batch(0, 1000);
  CopyBinaryWriter writer;
  std::string rows;
  for (auto _ : state) {
    rows.clear();
    batch.for_each([&](const LogEntry& entry) {
      writer.append_row(entry, rows);
      return true;
    });
  }
  state.SetItemsProcessed(state.iterations() * batch.count());
}
BENCHMARK(BM_CopyBinaryWriter_AppendRow);

void BM_Spool_Append(benchmark::State& state) {
  test_support::TemporaryDirectory directory;
  auto spool = *Spool::open({directory.path(), 256u << 20, 8u << 20});
  const EntryBatch batch = test_support::numbered_batch(0, 1000);
  for (auto _ : state) benchmark::DoNotOptimize(spool->append(batch).ok());
  state.SetItemsProcessed(state.iterations() * batch.count());
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(batch.bytes().size()));
}
BENCHMARK(BM_Spool_Append)->UseRealTime();

// Tables that the sink finds, or makes.
enum TableKind { kBare, kOurs, kBlockys };
constexpr const char* kColumns =
    "CREATE TABLE log_entries (request_ts timestamptz NOT NULL, client_ip text, client_name text, duration_ms bigint, reason text, "
    "response_type text, question_type text, question_name text, effective_tldp text, answer text, response_code text, hostname text";
constexpr const char* kBlockysRest =
    ", id bigserial PRIMARY KEY); CREATE INDEX ON log_entries (request_ts); CREATE INDEX ON log_entries (client_name); "
    "CREATE INDEX ON log_entries (response_type)";

/// One writer against a real server on the same machine; rows/s is bounded by the server, cpu_us_per_row is ours.
/// Entries are those of 40 clients and 3 response types, one each 50 us, as a table sees them that is really in use.
EntryBatch busy_batch(int count) {
  const auto now_us = std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
  std::vector<QueryEventBuilder> events;
  for (int i = 0; i < count; ++i) {
    const std::string client = std::to_string(i * 7 % 40);
    QueryEventBuilder event("www.some-name-" + std::to_string(i * 31 % 5000) + ".example.org.");
    event.client("192.0.2." + client, "laptop-" + client + ".lan").start_us(now_us + i * 50);
    if (i % 3 == 0) event.reason(Reason::kBlocked).match(MatchKind::kWildcard, 1, "ads", "");
    if (i % 3 == 1) event.reason(Reason::kCached);
    events.push_back(std::move(event.answer_a("192.0.2.1")));
  }
  return test_support::batch_of(events);
}

void BM_PostgresSink_Write(benchmark::State& state) {
  if (PostgresServer::binaries().empty()) return state.SkipWithError("PostgreSQL is not installed");
  PostgresServer server;
  if (state.range(1) == kBare) server.query(std::string(kColumns) + ")");
  if (state.range(1) == kBlockys) server.query(std::string(kColumns) + kBlockysRest);
  PostgresSink sink({server.target()});
  const Deadline deadline(base::monotonic_now() + std::chrono::seconds(120));
  if (auto opened = sink.open(deadline); !opened) return state.SkipWithError(opened.error().c_str());
  EntryBatch batch = busy_batch(static_cast<int>(state.range(0)));
  const std::int64_t cpu_before = thread_cpu_ns();
  for (auto _ : state) {
    batch.assign_id();
    const WriteResult result = sink.write(batch, deadline);
    if (result.outcome != WriteResult::Outcome::kDone) return state.SkipWithError(result.error.c_str());
  }
  const auto rows = static_cast<double>(state.iterations() * batch.count());
  state.counters["rows/s"] = benchmark::Counter(rows, benchmark::Counter::kIsRate);
  state.counters["cpu_us_per_row"] = static_cast<double>(thread_cpu_ns() - cpu_before) / 1000.0 / rows;
}
BENCHMARK(BM_PostgresSink_Write)->ArgNames({"rows", "table"})->Args({5000, kBare})->Args({5000, kOurs})->Args({20000, kOurs})
    ->Args({500, kOurs})->Args({5000, kBlockys})
    ->UseRealTime()->MinTime(2.0)->Unit(benchmark::kMillisecond);

std::int64_t process_cpu_ns() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return time.tv_sec * 1'000'000'000 + time.tv_nsec;
}

void count_rows(benchmark::State& state, double rows, double cpu_ns) {
  state.counters["rows/s"] = benchmark::Counter(rows, benchmark::Counter::kIsRate);
  state.counters["cpu_us_per_row"] = cpu_ns / 1000.0 / rows;
}

/// The whole way with the default configuration, from push to the last commit: one worker has more to tell than the
/// database takes, so the size of batches decides, not the interval of 30 s. CPU of all our threads but the pushing one.
void BM_QueryLog_Postgres(benchmark::State& state) {
  if (PostgresServer::binaries().empty()) return state.SkipWithError("PostgreSQL is not installed");
  constexpr int kRows = 400'000, kKinds = 4096;
  std::vector<Parts> kinds;
  for (int i = 0; i < kKinds; ++i) {
    Parts& parts = kinds.emplace_back();
    const std::string client = std::to_string(i * 7 % 40);
    QueryEventBuilder event("www.some-name-" + std::to_string(i * 31 % 5000) + ".example.org.");
    event.client("192.0.2." + client, "laptop-" + client + ".lan");
    parts.assign(event.answer_a("192.0.2.1").record());
  }
  double cpu_ns = 0;
  for (auto _ : state) {
    state.PauseTiming();
    PostgresServer server;
    QueryLogOptions options;
    options.type = QueryLogType::kPostgresql;
    options.target = server.target();
    QueryLog log(options, 1);
    const std::int64_t cpu_before = process_cpu_ns() - thread_cpu_ns();
    state.ResumeTiming();
    if (!log.start()) return state.SkipWithError("not started");
    for (int i = 0; i < kRows;) {
      // As far ahead as the bounded queue between the threads allows: beyond it entries would be printed instead.
      if (log.stats().queue_bytes < options.queue_bytes_max / 2) {
        for (int burst = 0; burst < 500 && i < kRows; ++burst) {
          Parts& parts = kinds[static_cast<std::size_t>(i % kKinds)];
          parts.head.start_unix_us = std::chrono::duration_cast<std::chrono::microseconds>(base::wall_now().time_since_epoch()).count();
          if (!parts.push(log.ring(0))) break;
          ++i;
        }
      }
      std::this_thread::sleep_for(std::chrono::microseconds(500));
    }
    log.stop(std::chrono::seconds(30));
    cpu_ns += static_cast<double>(process_cpu_ns() - thread_cpu_ns() - cpu_before);
    if (log.stats().written != kRows) return state.SkipWithError("not all rows were written");
    state.PauseTiming();
    server.stop();
    state.ResumeTiming();
  }
  count_rows(state, static_cast<double>(state.iterations()) * kRows, cpu_ns);
}
BENCHMARK(BM_QueryLog_Postgres)->UseRealTime()->Iterations(3)->Unit(benchmark::kMillisecond);

/// A spool, filled in an outage, replayed with the default configuration. Frames hold what was gathered in five seconds
/// or 1 MiB, so 500 rows are an outage under 100 queries/s, and 5000 one under 1000 and more.
void BM_QueryLog_Replay(benchmark::State& state) {
  if (PostgresServer::binaries().empty()) return state.SkipWithError("PostgreSQL is not installed");
  constexpr int kRows = 300'000;
  double cpu_ns = 0;
  for (auto _ : state) {
    state.PauseTiming();
    PostgresServer server;
    test_support::TemporaryDirectory directory;
    QueryLogOptions options;
    options.type = QueryLogType::kPostgresql;
    options.target = server.target();
    options.spool.path = directory.path();
    {
      auto spool = *Spool::open(options.spool);
      EntryBatch batch = busy_batch(static_cast<int>(state.range(0)));
      for (int rows = 0; rows < kRows; rows += static_cast<int>(state.range(0))) {
        batch.assign_id();
        if (!spool->append(batch)) return state.SkipWithError("not spooled");
      }
    }
    QueryLog log(options, 1);
    const std::int64_t cpu_before = process_cpu_ns() - thread_cpu_ns();
    state.ResumeTiming();
    if (!log.start()) return state.SkipWithError("not started");
    do std::this_thread::sleep_for(std::chrono::milliseconds(2));
    while (log.stats().spool_waiting > 0);
    cpu_ns += static_cast<double>(process_cpu_ns() - thread_cpu_ns() - cpu_before);
    state.PauseTiming();
    if (log.stats().replayed < kRows) return state.SkipWithError("not all rows were replayed");
    log.stop(std::chrono::seconds(1));
    server.stop();
    state.ResumeTiming();
  }
  count_rows(state, static_cast<double>(state.iterations()) * kRows, cpu_ns);
}
BENCHMARK(BM_QueryLog_Replay)->ArgName("frame_rows")->Arg(500)->Arg(5000)->UseRealTime()->Iterations(2)->Unit(benchmark::kMillisecond);

void BM_SqliteSink_Write(benchmark::State& state) {
  test_support::TemporaryDirectory directory;
  SqliteSink sink({directory.path() + "/log.db", 0});
  const Deadline deadline(base::monotonic_now() + std::chrono::seconds(120));
  if (auto opened = sink.open(deadline); !opened) return state.SkipWithError(opened.error().c_str());
  EntryBatch batch = test_support::numbered_batch(0, 5000);
  for (auto _ : state) {
    batch.assign_id();
    if (sink.write(batch, deadline).outcome != WriteResult::Outcome::kDone) return state.SkipWithError("not written");
  }
  state.counters["rows/s"] = benchmark::Counter(static_cast<double>(state.iterations() * batch.count()), benchmark::Counter::kIsRate);
}
BENCHMARK(BM_SqliteSink_Write)->UseRealTime()->Unit(benchmark::kMillisecond);

/// The whole way, from push to stdout (a file in memory): CPU of all threads but the pushing one.
void BM_QueryLog_Console(benchmark::State& state) {
  test_support::CapturedOutput output;
  QueryLogOptions options;
  options.stdout_fd = output.fd();
  constexpr int kEvents = 20'000;
  const Parts parts;
  double cpu_us = 0;
  for (auto _ : state) {
    QueryLog log(options, 1);
    if (!log.start()) return state.SkipWithError("not started");
    rusage before{}, after{};
    const std::int64_t own_before = thread_cpu_ns();
    getrusage(RUSAGE_SELF, &before);
    for (int i = 0; i < kEvents;) {
      if (parts.push(log.ring(0))) ++i;
      else std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    log.stop(std::chrono::seconds(10));
    getrusage(RUSAGE_SELF, &after);
    const auto us = [](const rusage& u) {
      return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1e6 + static_cast<double>(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
    };
    cpu_us += us(after) - us(before) - static_cast<double>(thread_cpu_ns() - own_before) / 1000.0;
  }
  state.counters["cpu_us_per_entry"] = cpu_us / (static_cast<double>(state.iterations()) * kEvents);
}
BENCHMARK(BM_QueryLog_Console)->UseRealTime()->Unit(benchmark::kMillisecond)->Iterations(5);

}  // namespace
}  // namespace rampart::storage
