#include "storage/query_log.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <thread>
#include <vector>

#include "base/log.h"
#include "tests/support/captured_output.h"
#include "tests/support/query_event_builder.h"

namespace rampart::storage {
namespace {

using test_support::CapturedOutput;
using test_support::QueryEventBuilder;

QueryLogOptions console_to(int fd) {
  QueryLogOptions options;
  options.entry.instance = "node-1";
  options.stdout_fd = fd;
  return options;
}

/// The form of the lines for one test; the log's own thread ends with it.
struct LogForm {
  explicit LogForm(const base::log::Options& options) { base::log::configure(options); }
  ~LogForm() {
    base::log::configure({});
    base::log::shutdown();
  }
};

TEST(QueryLog, ConsolePrintsBlockysLine) {
  CapturedOutput output;
  const LogForm form({base::log::Level::kInfo, false, false, false});
  QueryLog log(console_to(output.fd()), 1);
  ASSERT_TRUE(log.start().ok());
  EXPECT_TRUE(QueryEventBuilder("example.org.").answer_a("192.0.2.1").push(log.ring(0)));
  log.stop(std::chrono::seconds(2));
  EXPECT_EQ(output.text(),
            " INFO queryLog: query resolved  answer=A (192.0.2.1)  client_ip=192.0.2.7  client_names=laptop  "
            "duration_ms=4  instance=node-1  question_name=example.org.  question_type=A  response_code=NOERROR  "
            "response_reason=RESOLVED (tcp+udp:192.0.2.53)  response_type=RESOLVED\n");
  const QueryLogStats stats = log.stats();
  EXPECT_EQ(stats.pushed, 1u);
  EXPECT_EQ(stats.written, 1u);
}

TEST(QueryLog, StopFlushesEveryRing) {
  CapturedOutput output;
  QueryLog log(console_to(output.fd()), 3);
  ASSERT_TRUE(log.start().ok());
  std::vector<std::thread> workers;
  std::atomic<std::uint64_t> accepted{0};
  for (std::size_t worker = 0; worker < 3; ++worker)
    workers.emplace_back([&, worker] {
      for (int i = 0; i < 5000; ++i) accepted += QueryEventBuilder("example.org.").push(log.ring(worker));
    });
  for (auto& worker : workers) worker.join();
  log.stop(std::chrono::seconds(5));
  const QueryLogStats stats = log.stats();
  EXPECT_EQ(stats.pushed, accepted.load());
  EXPECT_EQ(stats.pushed + stats.dropped_ring_full, 15000u);
  EXPECT_EQ(stats.written, stats.pushed);
  EXPECT_EQ(output.lines(), stats.pushed);
}

TEST(QueryLog, StdoutNobodyReadsCostsCountedEntriesAndNoWaiting) {
  int ends[2];
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  QueryLogOptions options = console_to(ends[1]);
  options.write_timeout = std::chrono::milliseconds(100);
  options.queue_bytes_max = 64 << 10;
  options.ring_bytes = 64 << 10;
  QueryLog log(options, 1);
  ASSERT_TRUE(log.start().ok());
  std::uint64_t pushed = 0;
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (log.stats().dropped_stdout < 5000 && std::chrono::steady_clock::now() < give_up)
    for (int i = 0; i < 100; ++i) pushed += QueryEventBuilder("example.org.").push(log.ring(0));
  const auto begin = std::chrono::steady_clock::now();
  log.stop(std::chrono::milliseconds(200));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(3));
  close(ends[1]);
  std::size_t lines = 0;
  char buffer[4096];
  for (ssize_t n = 0; (n = read(ends[0], buffer, sizeof buffer)) > 0;) lines += std::count(buffer, buffer + n, '\n');
  close(ends[0]);
  const QueryLogStats stats = log.stats();
  EXPECT_EQ(stats.pushed, pushed);
  EXPECT_EQ(stats.written, lines);
  EXPECT_GE(stats.dropped_stdout, 5000u);
  EXPECT_EQ(stats.written + stats.dropped_stdout, pushed);
}

TEST(QueryLog, LevelAboveInfoHidesTheConsoleLines) {
  CapturedOutput output;
  const LogForm form({base::log::Level::kWarn, false, false, false});
  QueryLog log(console_to(output.fd()), 1);
  ASSERT_TRUE(log.start().ok());
  QueryEventBuilder("example.org.").push(log.ring(0));
  log.stop(std::chrono::seconds(2));
  EXPECT_EQ(output.text(), "");
}

TEST(QueryLog, NoneTakesAndForgets) {
  QueryLogOptions options;
  options.type = QueryLogType::kNone;
  QueryLog log(options, 1);
  ASSERT_TRUE(log.start().ok());
  EXPECT_FALSE(log.wants_events());
  QueryEventBuilder("example.org.").push(log.ring(0));
  log.stop(std::chrono::seconds(1));
  EXPECT_EQ(log.stats().ignored, 1u);
}

TEST(QueryLog, TypesThatAreNotBuiltFailWithTheCure) {
  for (const auto type : {QueryLogType::kMysql, QueryLogType::kDnstap}) {
    QueryLogOptions options;
    options.type = type;
    QueryLog log(options, 1);
    const auto started = log.start();
    ASSERT_FALSE(started.ok());
    EXPECT_NE(started.error().find("use postgresql"), std::string::npos);
  }
}

TEST(QueryLog, ReconfigureSwitchesWithoutLosingEvents) {
  CapturedOutput first;
  CapturedOutput second;
  QueryLog log(console_to(first.fd()), 1);
  ASSERT_TRUE(log.start().ok());
  std::uint64_t pushed = 0;
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 200; ++i) pushed += QueryEventBuilder("example.org.").push(log.ring(0));
    QueryLogOptions options = console_to(round % 2 == 0 ? second.fd() : first.fd());
    options.entry.privacy = round % 3 == 0;
    ASSERT_TRUE(log.reconfigure(options).ok());
  }
  log.stop(std::chrono::seconds(5));
  EXPECT_EQ(log.stats().written, pushed);
  EXPECT_EQ(first.lines() + second.lines(), pushed);
  QueryLogOptions broken = console_to(first.fd());
  broken.type = QueryLogType::kDnstap;
  EXPECT_FALSE(log.reconfigure(broken).ok());
}

}  // namespace
}  // namespace rampart::storage
