#include "storage/sqlite_sink.h"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "storage/query_log.h"
#include "tests/support/captured_output.h"
#include "tests/support/log_batches.h"
#include "tests/support/temporary_directory.h"

namespace rampart::storage {
namespace {

using Outcome = WriteResult::Outcome;
using test_support::batch_of;
using test_support::numbered_batch;
using test_support::QueryEventBuilder;
using test_support::soon;
using test_support::TemporaryDirectory;

class SqliteSinkTest : public testing::Test {
 protected:
  std::string path() const { return directory_.path() + "/logs/query.db"; }
  std::string query(const std::string& sql) const {
    sqlite3* database = nullptr;
    sqlite3_open(path().c_str(), &database);
    std::string value;
    sqlite3_exec(database, sql.c_str(), [](void* out, int, char** fields, char**) {
      *static_cast<std::string*>(out) = fields[0] == nullptr ? "NULL" : fields[0];
      return 0;
    }, &value, nullptr);
    sqlite3_close(database);
    return value;
  }
  TemporaryDirectory directory_;
};

TEST_F(SqliteSinkTest, WritesBlockysColumns) {
  SqliteSink sink({path(), 0});
  const auto opened = sink.open(soon());
  ASSERT_TRUE(opened.ok()) << opened.error();
  const auto written = sink.write(
      batch_of({QueryEventBuilder("WWW.Example.co.UK.").client("192.0.2.7", "laptop\nlap.lan").answer_a("192.0.2.1")}), soon());
  ASSERT_EQ(written.outcome, Outcome::kDone) << written.error;
  EXPECT_EQ(query("SELECT request_ts||'|'||client_ip||'|'||client_name||'|'||duration_ms||'|'||reason||'|'||response_type||'|'||"
                  "question_type||'|'||question_name||'|'||effective_tldp||'|'||answer||'|'||response_code||'|'||hostname FROM log_entries"),
            "2023-11-14 22:13:20.123456+00:00|192.0.2.7|laptop; lap.lan|4|RESOLVED (tcp+udp:192.0.2.53)|RESOLVED|A|"
            "www.example.co.uk|example.co.uk|A (192.0.2.1)|NOERROR|node-1");
  EXPECT_EQ(query("PRAGMA journal_mode"), "wal");
  struct stat info {};
  stat((directory_.path() + "/logs").c_str(), &info);
  EXPECT_EQ(info.st_mode & 0777, 0750u);
}

TEST_F(SqliteSinkTest, SameBatchTwiceIsStoredOnceAlsoAfterARestart) {
  const EntryBatch batch = numbered_batch(0, 3);
  for (int run = 0; run < 2; ++run) {
    SqliteSink sink({path(), 0});
    ASSERT_TRUE(sink.open(soon()).ok());
    EXPECT_EQ(sink.write(batch, soon()).outcome, Outcome::kDone);
  }
  EXPECT_EQ(query("SELECT count(*) FROM log_entries"), "3");
}

TEST_F(SqliteSinkTest, RetentionDeletesOldRows) {
  SqliteSink sink({path(), 2});
  ASSERT_TRUE(sink.open(soon()).ok());
  ASSERT_EQ(sink.write(batch_of({QueryEventBuilder("old.example.").start_us(1'700'000'000'000'000),
                                 QueryEventBuilder("new.example.").start_us(1'700'200'000'000'000)}), soon()).outcome, Outcome::kDone);
  ASSERT_TRUE(sink.maintain(base::WallTime(std::chrono::microseconds(1'700'200'000'000'000)), soon()).ok());
  EXPECT_EQ(query("SELECT group_concat(question_name) FROM log_entries"), "new.example");
}

TEST_F(SqliteSinkTest, AClockAheadByMoreThanTheRetentionErasesNothing) {
  constexpr std::int64_t kDay = 86'400'000'000, kToday = 19'000 * kDay;
  const auto at = [](std::int64_t us) { return base::WallTime(std::chrono::microseconds(us)); };
  std::vector<QueryEventBuilder> events;
  for (std::int64_t age = 0; age < 5; ++age)
    events.push_back(QueryEventBuilder("a.example.").start_us(kToday - age * kDay));
  SqliteSink sink({path(), 5});
  ASSERT_TRUE(sink.open(soon()).ok());
  ASSERT_EQ(sink.write(batch_of(events), soon()).outcome, Outcome::kDone);
  ASSERT_TRUE(sink.maintain(at(kToday + 60 * kDay), soon()).ok());
  EXPECT_EQ(query("SELECT count(*) FROM log_entries"), "5");
  const auto log_on = [&](std::int64_t us) {
    return sink.write(batch_of({QueryEventBuilder("b.example.").start_us(us)}), soon()).outcome == Outcome::kDone;
  };
  ASSERT_TRUE(log_on(kToday + 60 * kDay));
  ASSERT_TRUE(sink.maintain(at(kToday + 60 * kDay), soon()).ok());
  EXPECT_EQ(query("SELECT count(*) FROM log_entries"), "6");
  ASSERT_TRUE(log_on(kToday + 62 * kDay + 2'000'000));
  ASSERT_TRUE(sink.maintain(at(kToday + 62 * kDay + 2'000'000), soon()).ok());
  EXPECT_EQ(query("SELECT group_concat(question_name) FROM log_entries"), "b.example,b.example");
}

TEST_F(SqliteSinkTest, WriterOfSomebodyElseDelaysOnlyUntilTheDeadline) {
  SqliteSink sink({path(), 0});
  ASSERT_TRUE(sink.open(soon()).ok());
  sqlite3* other = nullptr;
  sqlite3_open(path().c_str(), &other);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  const auto begin = std::chrono::steady_clock::now();
  const auto blocked = sink.write(numbered_batch(0, 1), Deadline(base::monotonic_now() + std::chrono::milliseconds(200)));
  EXPECT_EQ(blocked.outcome, Outcome::kFailed);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(2));
  sqlite3_close(other);
  EXPECT_EQ(sink.write(numbered_batch(0, 1), soon()).outcome, Outcome::kDone);
}

TEST_F(SqliteSinkTest, FileThatIsNoDatabaseFallsBackAndHeals) {
  std::filesystem::create_directory(directory_.path() + "/logs");
  std::ofstream(path()) << std::string(4096, 'x');
  test_support::CapturedOutput output;
  QueryLogOptions options;
  options.type = QueryLogType::kSqlite;
  options.target = path();
  options.flush_interval = std::chrono::milliseconds(100);
  options.retry_pause = std::chrono::milliseconds(50);
  options.stdout_fd = output.fd();
  QueryLog log(options, 1);
  ASSERT_TRUE(log.start().ok());
  const auto wait_for = [](auto condition) {
    for (int i = 0; i < 500 && !condition(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return condition();
  };
  for (int i = 0; i < 10; ++i) QueryEventBuilder("a.example.").push(log.ring(0));
  EXPECT_TRUE(wait_for([&] { return log.stats().stdout_fallback == 10; })) << log.stats().last_error;
  std::filesystem::remove(path());
  EXPECT_TRUE(wait_for([&] { return log.stats().state == SinkState::kUp; })) << log.stats().last_error;
  for (int i = 0; i < 10; ++i) QueryEventBuilder("b.example.").push(log.ring(0));
  log.stop(std::chrono::seconds(2));
  EXPECT_EQ(query("SELECT count(*) FROM log_entries"), "10");
  EXPECT_EQ(output.lines(), 10u);
}

}  // namespace
}  // namespace rampart::storage
