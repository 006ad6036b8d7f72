#include "storage/postgres_sink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "storage/postgres_schema.h"
#include "tests/support/postgres_server.h"
#include "tests/support/query_event_builder.h"
#include "tests/support/record_decoder.h"
#include "tests/support/tcp_faults.h"

namespace rampart::storage {
namespace {

using Outcome = WriteResult::Outcome;
using test_support::PostgresServer;
using test_support::QueryEventBuilder;
using test_support::RecordDecoder;
namespace schema = postgres_schema;

Deadline soon() { return Deadline(base::monotonic_now() + std::chrono::seconds(10)); }

EntryBatch batch_of(std::initializer_list<QueryEventBuilder> events) {
  EntryOptions options;
  options.instance = "node-1";
  RecordDecoder decoder(options);
  EntryBatch batch;
  for (const auto& event : events)
    if (decoder.decode(event.record()) == LogEntryDecoder::Outcome::kEntry) batch.append(decoder.entry());
  batch.assign_id();
  return batch;
}

class PostgresSinkTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!PostgresServer::binaries().empty()) server_ = std::make_unique<PostgresServer>();
  }
  static void TearDownTestSuite() { server_.reset(); }
  void SetUp() override {
    ASSERT_TRUE(server_) << "PostgreSQL is not installed: apt-get install postgresql";
    server_->query("DROP TABLE IF EXISTS log_entries; DROP TABLE IF EXISTS rampart_spool_replay");
  }
  static PostgresSinkOptions options(std::uint32_t retention_days = 0) { return {server_->target(), false, retention_days}; }
  static std::string row(const std::string& where = "true") {
    return server_->query("SELECT concat_ws('|', to_char(request_ts AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'), client_ip, "
                          "client_name, duration_ms, reason, response_type, question_type, question_name, effective_tldp, "
                          "answer, response_code, hostname) FROM log_entries WHERE " + where);
  }
  static std::unique_ptr<PostgresServer> server_;
};
std::unique_ptr<PostgresServer> PostgresSinkTest::server_;

TEST_F(PostgresSinkTest, WritesBlockysColumns) {
  PostgresSink sink(options());
  const auto opened = sink.open(soon());
  ASSERT_TRUE(opened.ok()) << opened.error();
  const WriteResult written = sink.write(
      batch_of({QueryEventBuilder("WWW.Example.co.UK.").client("2001:db8::7", "laptop\nlap.lan").answer_a("192.0.2.1")}), soon());
  ASSERT_EQ(written.outcome, Outcome::kDone) << written.error;
  EXPECT_EQ(written.rows, 1u);
  EXPECT_EQ(row(), "2023-11-14 22:13:20.123456|2001:db8::7|laptop; lap.lan|4|RESOLVED (tcp+udp:192.0.2.53)|RESOLVED|A|"
                   "www.example.co.uk|example.co.uk|A (192.0.2.1)|NOERROR|node-1");
}

TEST_F(PostgresSinkTest, TextsOfStrangersStayTexts) {
  PostgresSink sink(options());
  ASSERT_TRUE(sink.open(soon()).ok());
  QueryEventBuilder event("x\\\\y\\.z.example.");
  event.client("192.0.2.7", "tab\there \\N \\. '; DROP TABLE log_entries; --\n\\.");
  const WriteResult written = sink.write(batch_of({event}), soon());
  ASSERT_EQ(written.outcome, Outcome::kDone) << written.error;
  EXPECT_EQ(server_->query("SELECT client_name FROM log_entries"),
            "tab?here \\N \\. '; DROP TABLE log_entries; --; \\.");
}

TEST_F(PostgresSinkTest, ATableWithOtherTypesTakesTheSameRowsAsText) {
  server_->query("CREATE TABLE log_entries (request_ts timestamp NOT NULL, client_ip varchar(45), client_name text, "
                 "duration_ms integer, reason text, response_type text, question_type text, question_name text, "
                 "effective_tldp text, answer text, response_code text, hostname text)");
  PostgresSink sink(options());
  ASSERT_TRUE(sink.open(soon()).ok());
  const WriteResult written = sink.write(
      batch_of({QueryEventBuilder("WWW.Example.co.UK.").client("2001:db8::7", "laptop\nlap.lan").answer_a("192.0.2.1")}), soon());
  ASSERT_EQ(written.outcome, Outcome::kDone) << written.error;
  EXPECT_EQ(server_->query("SELECT concat_ws('|', request_ts, client_ip, client_name, duration_ms, question_name, effective_tldp) "
                           "FROM log_entries"),
            "2023-11-14 22:13:20.123456|2001:db8::7|laptop; lap.lan|4|www.example.co.uk|example.co.uk");
}

TEST_F(PostgresSinkTest, SameBatchTwiceIsStoredOnce) {
  PostgresSink sink(options());
  ASSERT_TRUE(sink.open(soon()).ok());
  const EntryBatch batch = batch_of({QueryEventBuilder("a.example."), QueryEventBuilder("b.example.")});
  EXPECT_EQ(sink.write(batch, soon()).outcome, Outcome::kDone);
  PostgresSink restarted(options());
  ASSERT_TRUE(restarted.open(soon()).ok());
  const WriteResult again = restarted.write(batch, soon());
  EXPECT_EQ(again.outcome, Outcome::kDone);
  EXPECT_EQ(again.rows, 2u);
  EXPECT_EQ(server_->count("SELECT count(*) FROM log_entries"), 2);
}

TEST_F(PostgresSinkTest, IdsOfFinishedBatchesDoNotPileUp) {
  PostgresSink sink(options());
  ASSERT_TRUE(sink.open(soon()).ok());
  for (int i = 0; i < 5; ++i) ASSERT_EQ(sink.write(batch_of({QueryEventBuilder("a.example.")}), soon()).outcome, Outcome::kDone);
  EXPECT_EQ(server_->count("SELECT count(*) FROM rampart_spool_replay"), 1);
}

TEST_F(PostgresSinkTest, CreatesOnePartitionForEachDayAndTwoCheapIndexes) {
  PostgresSink sink(options());
  ASSERT_TRUE(sink.open(soon()).ok());
  const std::int64_t day = 86'400'000'000;
  ASSERT_EQ(sink.write(batch_of({QueryEventBuilder("a.example.").start_us(19'000 * day - 1),
                                 QueryEventBuilder("b.example.").start_us(19'000 * day),
                                 QueryEventBuilder("c.example.").start_us(-1)}), soon()).outcome, Outcome::kDone);
  EXPECT_EQ(server_->query("SELECT string_agg(tableoid::regclass::text, ' ' ORDER BY request_ts) FROM log_entries"),
            "log_entries_d19691231 log_entries_d20220107 log_entries_d20220108");
  EXPECT_EQ(server_->query("SELECT string_agg(indexname, ' ' ORDER BY indexname) FROM pg_indexes WHERE tablename = 'log_entries'"),
            "idx_log_entries_client_name idx_log_entries_request_ts");
  EXPECT_EQ(server_->query("SELECT string_agg(amname, ' ' ORDER BY i.relname) FROM pg_class i JOIN pg_am m ON m.oid = i.relam "
                           "JOIN pg_index x ON x.indexrelid = i.oid WHERE x.indrelid = 'log_entries_d20220107'::regclass"),
            "brin btree");
}

TEST_F(PostgresSinkTest, RetentionDropsWholeDaysAndPreparesTomorrow) {
  PostgresSink sink(options(2));
  ASSERT_TRUE(sink.open(soon()).ok());
  const std::int64_t day = 86'400'000'000;
  const std::int64_t today = 19'000;
  for (std::int64_t age = 0; age < 5; ++age)
    ASSERT_EQ(sink.write(batch_of({QueryEventBuilder("a.example.").start_us((today - age) * day + day / 2)}), soon()).outcome, Outcome::kDone);
  const base::WallTime noon{std::chrono::microseconds(today * day + day / 2)};
  const auto maintained = sink.maintain(noon, soon());
  ASSERT_TRUE(maintained.ok()) << maintained.error();
  // Two days back from noon begins inside the third partition, which therefore stays whole.
  EXPECT_EQ(server_->count("SELECT count(*) FROM log_entries"), 3);
  EXPECT_EQ(server_->query("SELECT to_regclass('log_entries_d20220109') IS NOT NULL"), "t");
}

TEST_F(PostgresSinkTest, AClockAheadOfTheServersErasesNothing) {
  constexpr std::int64_t kDay = 86'400'000'000;
  PostgresSink sink(options(2));
  ASSERT_TRUE(sink.open(soon()).ok());
  const auto now = base::wall_now();
  const auto now_us = std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count();
  for (const std::int64_t age : {0, 1, 4})
    ASSERT_EQ(sink.write(batch_of({QueryEventBuilder("a.example.").start_us(now_us - age * kDay)}), soon()).outcome,
              Outcome::kDone);
  ASSERT_TRUE(sink.maintain(now + std::chrono::days(60), soon()).ok());
  // What is too old by the server's clock goes.
  EXPECT_EQ(server_->count("SELECT count(*) FROM log_entries"), 2);
}

TEST_F(PostgresSinkTest, PassesAStandbyOnTheWayToThePrimary) {
  const PostgresServer standby(PostgresServer::StandbyOf{*server_});
  ASSERT_EQ(standby.query("SELECT pg_is_in_recovery()", "postgres"), "t");
  const std::string hosts = "host=127.0.0.1,127.0.0.1 port=" + std::to_string(standby.port()) + "," +
                            std::to_string(server_->port()) + " user=postgres dbname=blocky";
  PostgresSinkOptions with_both = options();
  with_both.target = hosts;
  PostgresSink sink(with_both);
  const auto opened = sink.open(soon());
  ASSERT_TRUE(opened.ok()) << opened.error();
  EXPECT_EQ(sink.write(batch_of({QueryEventBuilder("a.example.")}), soon()).outcome, Outcome::kDone);
  EXPECT_EQ(server_->count("SELECT count(*) FROM log_entries"), 1);
  with_both.target = hosts + " target_session_attrs=any";
  PostgresSink as_told(with_both);  // finds the table there already, or not yet
  const auto reached = as_told.open(soon());
  std::string error = reached ? "" : reached.error();
  if (reached) error = as_told.write(batch_of({QueryEventBuilder("b.example.")}), soon()).error;
  EXPECT_NE(error.find("25006"), std::string::npos) << error;
}

TEST_F(PostgresSinkTest, UsesATableOfBlockyAsItStands) {
  server_->query("CREATE TABLE log_entries (request_ts timestamptz NOT NULL, client_ip text, client_name text, duration_ms bigint, "
                 "reason text, response_type text, question_type text, question_name text, effective_tldp text, answer text, "
                 "response_code text, hostname text, id bigserial PRIMARY KEY);"
                 "INSERT INTO log_entries (request_ts, hostname) SELECT now() - interval '3 days', 'old' FROM generate_series(1, 12000)");
  PostgresSink sink(options(2));
  ASSERT_TRUE(sink.open(soon()).ok());
  const auto now_us = std::chrono::duration_cast<std::chrono::microseconds>(base::wall_now().time_since_epoch()).count();
  ASSERT_EQ(sink.write(batch_of({QueryEventBuilder("a.example.").start_us(now_us)}), soon()).outcome, Outcome::kDone);
  EXPECT_EQ(server_->query("SELECT relkind FROM pg_class WHERE oid = 'log_entries'::regclass"), "r");
  ASSERT_TRUE(sink.maintain(base::wall_now(), soon()).ok());
  EXPECT_EQ(server_->query("SELECT string_agg(hostname, ' ') FROM log_entries"), "node-1");
}

TEST_F(PostgresSinkTest, DataTheTableRefusesIsToldApartFromAServerThatIsDown) {
  server_->query("CREATE TABLE log_entries (request_ts timestamptz NOT NULL, client_ip text, client_name text, duration_ms bigint, "
                 "reason text, response_type text, question_type text, question_name text CHECK (question_name <> 'bad.example'), "
                 "effective_tldp text, answer text, response_code text, hostname text)");
  PostgresSink sink(options());
  ASSERT_TRUE(sink.open(soon()).ok());
  EXPECT_EQ(sink.write(batch_of({QueryEventBuilder("good.example."), QueryEventBuilder("bad.example.")}), soon()).outcome, Outcome::kRefused);
  EXPECT_EQ(sink.write(batch_of({QueryEventBuilder("good.example.")}), soon()).outcome, Outcome::kDone);
  EXPECT_EQ(server_->count("SELECT count(*) FROM log_entries"), 1);
}

TEST_F(PostgresSinkTest, UserWhoMayCreateNothingStillWrites) {
  ASSERT_TRUE(PostgresSink(options()).open(soon()).ok());
  server_->query("DROP TABLE rampart_spool_replay; DROP ROLE IF EXISTS writer; CREATE ROLE writer LOGIN; "
                 "REVOKE CREATE ON SCHEMA public FROM PUBLIC; GRANT INSERT, SELECT ON log_entries TO writer; "
                 "GRANT USAGE ON SEQUENCE log_entries_id_seq TO writer");
  PostgresSinkOptions as_writer = options();
  as_writer.target = "host=127.0.0.1 port=" + std::to_string(server_->port()) + " user=writer dbname=blocky";
  // The day's partition has to be there: it belongs to whoever owns the table.
  server_->query(schema::create_partition(19'675));
  PostgresSink sink(as_writer);
  const auto opened = sink.open(soon());
  ASSERT_TRUE(opened.ok()) << opened.error();
  const WriteResult written = sink.write(batch_of({QueryEventBuilder("a.example.")}), soon());
  EXPECT_EQ(written.outcome, Outcome::kDone) << written.error;
  server_->query("REASSIGN OWNED BY writer TO postgres; DROP OWNED BY writer; DROP ROLE writer");
}

TEST_F(PostgresSinkTest, LongReaderDoesNotHoldUpANewDay) {
  PostgresSink sink(options());
  ASSERT_TRUE(sink.open(soon()).ok());
  std::thread reader([&] { server_->query("BEGIN; SELECT count(*) FROM log_entries; SELECT pg_sleep(3); COMMIT"); });
  while (server_->count("SELECT count(*) FROM pg_locks WHERE relation = 'log_entries'::regclass AND granted") == 0)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(sink.write(batch_of({QueryEventBuilder("a.example.")}), soon()).outcome, Outcome::kDone);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1));
  reader.join();
}

TEST_F(PostgresSinkTest, InstancesThatStartTogetherCreateOneTable) {
  std::vector<std::thread> instances;
  std::atomic<int> done{0};
  for (int i = 0; i < 6; ++i)
    instances.emplace_back([&] {
      PostgresSink sink(options());
      const auto opened = sink.open(soon());
      EXPECT_TRUE(opened.ok()) << opened.error();
      const WriteResult written = sink.write(batch_of({QueryEventBuilder("a.example.")}), soon());
      EXPECT_EQ(written.outcome, Outcome::kDone) << written.error;
      done += written.outcome == Outcome::kDone;
    });
  for (auto& instance : instances) instance.join();
  EXPECT_EQ(server_->count("SELECT count(*) FROM log_entries"), done.load());
}

TEST_F(PostgresSinkTest, TimescaleMakesAHypertableAndAPolicyOnlyWhenAsked) {
  // The extension is not part of Debian; functions of its names and types stand in for it and note their calls.
  server_->query("DROP TABLE IF EXISTS calls; CREATE TABLE calls (text text);"
                 "CREATE OR REPLACE FUNCTION by_range(name) RETURNS text LANGUAGE sql AS $$ SELECT 'by_range ' || $1 $$;"
                 "CREATE OR REPLACE FUNCTION create_hypertable(relation regclass, dimension text, if_not_exists boolean DEFAULT false) "
                 "RETURNS void LANGUAGE sql AS $$ INSERT INTO calls VALUES (relation::text || ' ' || dimension || ' ' || if_not_exists) $$;"
                 "CREATE OR REPLACE FUNCTION add_retention_policy(relation regclass, drop_after interval, if_not_exists boolean DEFAULT false) "
                 "RETURNS void LANGUAGE sql AS $$ INSERT INTO calls VALUES ('policy ' || drop_after) $$");
  for (const std::uint32_t days : {0u, 7u}) {
    server_->query("DROP TABLE IF EXISTS log_entries; DELETE FROM calls");
    PostgresSinkOptions timescale = options(days);
    timescale.timescale = true;
    PostgresSink sink(timescale);
    const auto opened = sink.open(soon());
    ASSERT_TRUE(opened.ok()) << opened.error();
    EXPECT_EQ(server_->query("SELECT string_agg(text, '; ') FROM calls"),
              days == 0 ? "log_entries by_range request_ts true" : "log_entries by_range request_ts true; policy 7 days");
    EXPECT_EQ(sink.write(batch_of({QueryEventBuilder("a.example.")}), soon()).outcome, Outcome::kDone);
    EXPECT_EQ(server_->count("SELECT count(*) FROM pg_attribute WHERE attrelid = 'log_entries'::regclass AND attname = 'id'"), 0);
  }
  server_->query("DROP FUNCTION by_range, create_hypertable, add_retention_policy");
  server_->query("DROP TABLE log_entries");
  PostgresSinkOptions timescale = options();
  timescale.timescale = true;
  const auto opened = PostgresSink(timescale).open(soon());
  ASSERT_FALSE(opened.ok());
  EXPECT_NE(opened.error().find("CREATE EXTENSION timescaledb"), std::string::npos) << opened.error();
}

TEST_F(PostgresSinkTest, SecondHostServesWhenTheFirstIsSilent) {
  const test_support::SilentServer silent;
  PostgresSinkOptions two = options();
  two.target = "host=127.0.0.1,127.0.0.1 port=" + std::to_string(silent.port()) + "," + std::to_string(server_->port()) + " user=postgres dbname=blocky";
  two.connect_timeout = std::chrono::milliseconds(1000);
  PostgresSink sink(two);
  const auto opened = sink.open(soon());
  EXPECT_TRUE(opened.ok()) << opened.error();
}

TEST(PostgresTarget, DropsOnlyTheWordsLibpqDoesNotKnow) {
  const auto url = parse_postgres_target("postgres://u:p%40w@db.example:5433/logs?pool_max_conns=4&sslmode=disable&TimeZone=UTC");
  ASSERT_TRUE(url.ok()) << url.error();
  EXPECT_EQ(url->ignored, (std::vector<std::string>{"pool_max_conns", "TimeZone"}));
  ASSERT_EQ(url->hosts.size(), 1u);
  EXPECT_EQ(url->hosts[0].host, "db.example");
  EXPECT_EQ(url->hosts[0].port, "5433");
  using Words = std::vector<std::pair<std::string, std::string>>;
  EXPECT_THAT(url->words, testing::UnorderedElementsAreArray(Words{{"user", "u"}, {"password", "p@w"}, {"dbname", "logs"}, {"sslmode", "disable"}}));

  const auto plain = parse_postgres_target("host=a,b port=1,2 TimeZone='Asia/Shang hai' password='x \\' y' dbname=z");
  ASSERT_TRUE(plain.ok()) << plain.error();
  EXPECT_EQ(plain->ignored, std::vector<std::string>{"TimeZone"});
  ASSERT_EQ(plain->hosts.size(), 2u);
  EXPECT_EQ(plain->hosts[1].host, "b");
  EXPECT_EQ(plain->hosts[1].port, "2");
  EXPECT_THAT(plain->words, testing::UnorderedElementsAreArray(Words{{"password", "x ' y"}, {"dbname", "z"}}));
}

TEST(PostgresTarget, ErrorsDoNotShowThePassword) {
  for (const char* text : {"postgres://u:secret@[::1/db", "host=h password=secret novalue", "host=h password='secret"}) {
    const auto target = parse_postgres_target(text);
    ASSERT_FALSE(target.ok()) << text;
    EXPECT_EQ(target.error().find("secret"), std::string::npos) << target.error();
  }
}

}  // namespace
}  // namespace rampart::storage
