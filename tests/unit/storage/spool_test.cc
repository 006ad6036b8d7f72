#include "storage/spool.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <thread>

#include "storage/query_log.h"
#include "tests/support/log_batches.h"
#include "tests/support/postgres_server.h"
#include "tests/support/temporary_directory.h"

namespace rampart::storage {
namespace {

using test_support::numbered_batch;
using test_support::PostgresServer;
using test_support::TemporaryDirectory;

class SpoolTest : public testing::Test {
 protected:
  std::shared_ptr<Spool> open(std::uint64_t bytes_max = 1 << 30, std::uint64_t segment_bytes = 4096) {
    auto spool = Spool::open({directory_.path(), bytes_max, segment_bytes});
    if (!spool) {
      ADD_FAILURE() << spool.error();
      return nullptr;
    }
    return std::move(*spool);
  }
  static std::string first_name(const EntryBatch& batch) {
    std::string name;
    batch.for_each([&](const LogEntry& entry) {
      name = entry.question_name;
      return false;
    });
    return name;
  }
  static std::vector<std::string> drain(Spool& spool) {
    std::vector<std::string> names;
    while (auto batch = spool.front()) {
      names.push_back(first_name(*batch));
      spool.pop_front();
    }
    return names;
  }
  static std::string text_of(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::vector<std::filesystem::path> segments() const {
    std::vector<std::filesystem::path> found;
    for (const auto& file : std::filesystem::directory_iterator(directory_.path()))
      if (file.path().extension() == ".spool") found.push_back(file.path());
    std::sort(found.begin(), found.end());
    return found;
  }
  TemporaryDirectory directory_;
};

TEST_F(SpoolTest, GivesBatchesBackInOrderWithTheirIdsAndThenOwnsNoFile) {
  auto spool = open();
  std::vector<BatchId> ids;
  for (int i = 0; i < 50; ++i) {
    const EntryBatch batch = numbered_batch(i * 10, 10);
    ids.push_back(batch.id());
    ASSERT_TRUE(spool->append(batch).ok());
  }
  EXPECT_GT(spool->stats().segments, 5u);
  EXPECT_EQ(spool->stats().entries, 500u);
  for (int i = 0; i < 50; ++i) {
    const auto batch = spool->front();
    ASSERT_TRUE(batch.has_value());
    EXPECT_EQ(batch->id(), ids[static_cast<std::size_t>(i)]);
    EXPECT_EQ(first_name(*batch), std::to_string(i * 10) + ".example.org.");
    spool->pop_front();
  }
  EXPECT_FALSE(spool->front().has_value());
  EXPECT_TRUE(spool->empty());
  EXPECT_EQ(spool->stats().bytes, 0u);
  EXPECT_TRUE(segments().empty());
}

TEST_F(SpoolTest, NextProcessGoesOnWhereTheLastOneStopped) {
  {
    auto spool = open();
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(spool->append(numbered_batch(i, 1)).ok());
    for (int i = 0; i < 7; ++i) {
      ASSERT_TRUE(spool->front().has_value());
      spool->pop_front();
    }
    ASSERT_TRUE(spool->front().has_value());  // taken, not crossed off
  }
  auto spool = open();
  EXPECT_EQ(spool->stats().entries, 13u);
  ASSERT_TRUE(spool->append(numbered_batch(20, 1)).ok());
  const auto names = drain(*spool);
  ASSERT_EQ(names.size(), 14u);
  EXPECT_EQ(names.front(), "7.example.org.");
  EXPECT_EQ(names.back(), "20.example.org.");
}

TEST_F(SpoolTest, TornTailIsRecognisedAtEveryLength) {
  { ASSERT_TRUE(open()->append(numbered_batch(0, 2)).ok()); }
  const auto path = segments().at(0);
  const auto first_end = std::filesystem::file_size(path);
  std::string whole;
  {
    TemporaryDirectory other;
    auto spool = *Spool::open({other.path(), 1 << 30, 1 << 20});
    ASSERT_TRUE(spool->append(numbered_batch(0, 2)).ok());
    ASSERT_TRUE(spool->append(numbered_batch(5, 2)).ok());
    for (const auto& file : std::filesystem::directory_iterator(other.path()))
      if (file.path().extension() == ".spool") {
        std::ifstream in(file.path(), std::ios::binary);
        whole.assign(std::istreambuf_iterator<char>(in), {});
      }
  }
  ASSERT_GT(whole.size(), first_end);
  for (std::size_t length = first_end + 1; length < whole.size(); ++length) {
    std::ofstream(path, std::ios::binary | std::ios::trunc).write(whole.data(), static_cast<std::streamsize>(length));
    auto spool = open();
    ASSERT_EQ(drain(*spool), std::vector<std::string>{"0.example.org."}) << length;
    EXPECT_EQ(spool->stats().torn_tails, 1u) << length;
    EXPECT_TRUE(segments().empty());
  }
}

TEST_F(SpoolTest, FlippedBitCostsItsFrameAndIsCounted) {
  {
    auto spool = open(1 << 30, 1 << 20);
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(spool->append(numbered_batch(i * 10, 10)).ok());
  }
  const auto path = segments().at(0);
  const auto frame = (std::filesystem::file_size(path) - 16) / 3;
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(16 + frame + frame / 2));
  file.put('\xff');
  file.close();
  auto spool = open();
  EXPECT_EQ(drain(*spool), (std::vector<std::string>{"0.example.org.", "20.example.org."}));
  EXPECT_EQ(spool->stats().dropped_damaged, 10u);
  EXPECT_TRUE(spool->empty());
}

TEST_F(SpoolTest, ADamagedHeadCostsItsFrameAndIsCounted) {
  std::string whole;
  {
    auto spool = open(1 << 30, 1 << 20);
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(spool->append(numbered_batch(i * 10, 10)).ok());
    whole = text_of(segments().at(0));
  }
  const auto path = segments().at(0);
  for (std::size_t octet = 0; octet < 32; ++octet) {
    std::string damaged = whole;
    damaged[16 + octet] = static_cast<char>(damaged[16 + octet] ^ 1);
    std::ofstream(path, std::ios::binary | std::ios::trunc) << damaged;
    auto spool = open();
    const bool tells_count = octet < 8 || octet >= 12;
    const std::uint64_t at_start = spool->stats().entries + spool->stats().dropped_damaged;
    EXPECT_EQ(drain(*spool), (std::vector<std::string>{"10.example.org.", "20.example.org."})) << octet;
    EXPECT_EQ(spool->stats().dropped_damaged + 20, at_start) << octet;
    if (tells_count) {
      EXPECT_EQ(spool->stats().dropped_damaged, 10u) << octet;
    } else {
      EXPECT_GE(spool->stats().dropped_damaged, 1u) << octet;
    }
    EXPECT_TRUE(spool->empty());
    EXPECT_EQ(spool->stats().bytes + spool->stats().torn_tails, 0u) << octet;
  }
}

TEST_F(SpoolTest, DamageIsCountedWhenTheSegmentIsFoundAlsoWhenNothingIsLeftOfIt) {
  { ASSERT_TRUE(open()->append(numbered_batch(0, 10)).ok()); }
  std::string damaged = text_of(segments().at(0));
  damaged[16] = static_cast<char>(damaged[16] ^ 1);
  std::ofstream(segments().at(0), std::ios::binary | std::ios::trunc) << damaged;
  auto spool = open();
  EXPECT_EQ(spool->stats().dropped_damaged, 10u);
  EXPECT_TRUE(spool->empty());
}

TEST_F(SpoolTest, DamageUnderTheReaderCostsItsFrameToo) {
  auto spool = open(1 << 30, 1 << 20);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(spool->append(numbered_batch(i * 10, 10)).ok());
  const auto path = segments().at(0);
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(16 + (std::filesystem::file_size(path) - 16) / 3 * 2));
  file.put('?');
  file.close();
  EXPECT_EQ(drain(*spool), (std::vector<std::string>{"0.example.org.", "10.example.org."}));
  EXPECT_EQ(spool->stats().dropped_damaged, 10u);
  ASSERT_TRUE(spool->append(numbered_batch(30, 10)).ok());
  EXPECT_EQ(drain(*spool), std::vector<std::string>{"30.example.org."});
  EXPECT_TRUE(segments().empty());
}

TEST_F(SpoolTest, GarbageInTheDirectoryIsNoReasonToFail) {
  std::ofstream(directory_.path() + "/rampart-0000000001.spool") << "not a segment";
  std::ofstream(directory_.path() + "/rampart-0000000002.spool") << "";
  std::ofstream(directory_.path() + "/rampart-x.spool") << "?";
  std::ofstream(directory_.path() + "/readme") << "?";
  auto spool = open();
  ASSERT_TRUE(spool->append(numbered_batch(1, 1)).ok());
  EXPECT_EQ(drain(*spool).size(), 1u);
}

TEST_F(SpoolTest, BoundDropsTheOldestAndCountsThem) {
  constexpr std::uint64_t kBytesMax = 64 << 10;
  auto spool = open(kBytesMax, 8 << 10);
  std::uint64_t appended = 0;
  for (int i = 0; i < 200; ++i, appended += 10) {
    ASSERT_TRUE(spool->append(numbered_batch(i * 10, 10)).ok());
    ASSERT_LE(spool->stats().bytes, kBytesMax);
  }
  const Spool::Stats stats = spool->stats();
  EXPECT_GT(stats.dropped_full, 0u);
  EXPECT_EQ(stats.entries + stats.dropped_full, appended);
  std::uintmax_t on_disk = 0;
  for (const auto& path : segments()) on_disk += std::filesystem::file_size(path);
  EXPECT_EQ(on_disk, stats.bytes);
  const auto names = drain(*spool);
  EXPECT_EQ(names.front(), std::to_string(stats.dropped_full) + ".example.org.");
  EXPECT_EQ(names.back(), "1990.example.org.");
}

TEST_F(SpoolTest, BatchBeingWrittenOutIsNotDroppedUnderItsReader) {
  auto spool = open(64 << 10, 8 << 10);
  ASSERT_TRUE(spool->append(numbered_batch(0, 10)).ok());
  ASSERT_TRUE(spool->front().has_value());
  std::uint64_t appended = 10;
  for (int i = 1; i < 200; ++i, appended += 10) ASSERT_TRUE(spool->append(numbered_batch(i * 10, 10)).ok());
  const std::uint64_t before = spool->stats().entries;
  spool->pop_front();
  EXPECT_EQ(spool->stats().entries, before - 10);
  EXPECT_EQ(spool->stats().entries + spool->stats().dropped_full + 10, appended);
}

TEST_F(SpoolTest, FullDiskLeavesNoHalfFrame) {
  auto spool = open(1 << 30, 1 << 20);
  ASSERT_TRUE(spool->append(numbered_batch(0, 10)).ok());
  signal(SIGXFSZ, SIG_IGN);
  const rlimit small{spool->stats().bytes + 100, RLIM_INFINITY};
  setrlimit(RLIMIT_FSIZE, &small);
  const auto refused = spool->append(numbered_batch(10, 10));
  const rlimit large{RLIM_INFINITY, RLIM_INFINITY};
  setrlimit(RLIMIT_FSIZE, &large);
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().find("File too large"), std::string::npos) << refused.error();
  ASSERT_TRUE(spool->append(numbered_batch(20, 10)).ok());
  EXPECT_EQ(drain(*spool), (std::vector<std::string>{"0.example.org.", "20.example.org."}));
  EXPECT_EQ(spool->stats().dropped_damaged + spool->stats().torn_tails, 0u);
}

TEST_F(SpoolTest, SecondProcessIsKeptOut) {
  auto spool = open();
  const auto second = Spool::open({directory_.path()});
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.error().find("another process"), std::string::npos);
}

TEST_F(SpoolTest, ReloadMayChangeBoundsAndTargetButKeepsTheSpool) {
  { ASSERT_TRUE(open()->append(numbered_batch(0, 3)).ok()); }
  QueryLogOptions options;
  options.type = QueryLogType::kSqlite;
  options.target = "/dev/null/nowhere.db";
  options.spool = {directory_.path(), 1 << 20, 1 << 16};
  QueryLog log(options, 1);
  ASSERT_TRUE(log.start().ok());
  options.spool.bytes_max = 2 << 20;
  const auto larger = log.reconfigure(options);
  ASSERT_TRUE(larger.ok()) << larger.error();
  options.target = directory_.path() + "/log.db";
  const auto elsewhere = log.reconfigure(options);
  ASSERT_TRUE(elsewhere.ok()) << elsewhere.error();
  for (int i = 0; i < 500 && log.stats().replayed < 3; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  log.stop(std::chrono::seconds(2));
  EXPECT_EQ(log.stats().replayed, 3u);
  EXPECT_EQ(log.stats().spool_waiting, 0u);
}

/// Runs a query log on this spool in a child process and kills it (SIGKILL) after `time`; false if it was already
/// through with the spool.
bool replay_and_kill(const QueryLogOptions& options, std::chrono::milliseconds time) {
  const pid_t child = fork();
  if (child == 0) {
    QueryLog log(options, 1);
    if (!log.start()) _exit(2);
    while (log.stats().spool_waiting > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    _exit(0);
  }
  int status = 0;
  const auto end = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < end)
    if (waitpid(child, &status, WNOHANG) == child) return false;
  kill(child, SIGKILL);
  waitpid(child, &status, 0);
  return WIFSIGNALED(status);
}

TEST_F(SpoolTest, KillInTheMiddleOfAReplayNeitherLosesNorDoubles) {
  if (PostgresServer::binaries().empty()) FAIL() << "PostgreSQL is not installed: apt-get install postgresql";
  PostgresServer server;
  constexpr int kBatches = 400;
  {
    auto spool = open(1 << 30, 64 << 10);
    for (int i = 0; i < kBatches; ++i) ASSERT_TRUE(spool->append(numbered_batch(i * 20, 20)).ok());
  }
  QueryLogOptions options;
  options.type = QueryLogType::kPostgresql;
  options.target = server.target();
  options.spool = {directory_.path(), 1 << 30, 64 << 10};
  int kills = 0;
  for (int run = 0; run < 60; ++run) {
    const auto time = std::chrono::milliseconds(20 + run * 7 % 60);
    if (!replay_and_kill(options, time)) break;
    ++kills;
  }
  EXPECT_GE(kills, 3) << "the replay ended before it could be killed in its middle";
  QueryLog log(options, 1);
  ASSERT_TRUE(log.start().ok());
  for (int i = 0; i < 1000 && log.stats().spool_waiting > 0; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
  log.stop(std::chrono::seconds(5));
  EXPECT_EQ(log.stats().spool_waiting, 0u);
  EXPECT_EQ(server.count("SELECT count(*) FROM log_entries"), kBatches * 20);
  EXPECT_EQ(server.count("SELECT count(DISTINCT question_name) FROM log_entries"), kBatches * 20);
  std::printf("             killed %d times\n", kills);
}

}  // namespace
}  // namespace rampart::storage
