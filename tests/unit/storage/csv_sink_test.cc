#include "storage/csv_sink.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <set>

#include "tests/support/log_batches.h"
#include "tests/support/temporary_directory.h"

namespace rampart::storage {
namespace {

using Outcome = WriteResult::Outcome;
using test_support::batch_of;
using test_support::QueryEventBuilder;
using test_support::soon;
using test_support::TemporaryDirectory;

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

class CsvSinkTest : public testing::Test {
 protected:
  void SetUp() override {
    setenv("TZ", "UTC", 1);
    tzset();
  }
  void touch(const std::set<std::string>& names) const {
    for (const std::string& name : names) std::ofstream(directory_.path() + "/" + name) << "x";
  }
  std::set<std::string> files() const {
    std::set<std::string> names;
    for (const auto& file : std::filesystem::directory_iterator(directory_.path())) names.insert(file.path().filename());
    return names;
  }
  /// The evening of a day.
  static base::WallTime on(const std::string& date) {
    std::tm time{};
    strptime((date + " 22:13").c_str(), "%Y-%m-%d %H:%M", &time);
    return base::WallTime(std::chrono::seconds(timegm(&time)));
  }
  TemporaryDirectory directory_;
};

TEST_F(CsvSinkTest, WritesBlockysColumnsInOrder) {
  CsvSink sink({directory_.path(), false, 0});
  ASSERT_TRUE(sink.open(soon()).ok());
  const auto written = sink.write(
      batch_of({QueryEventBuilder("Example.org.").client("192.0.2.7", "laptop\nlap.lan").answer_a("192.0.2.1")}), soon());
  ASSERT_EQ(written.outcome, Outcome::kDone) << written.error;
  EXPECT_EQ(text_of(directory_.path() + "/2023-11-14_ALL.log"),
            "2023-11-14 22:13:20\t192.0.2.7\tlaptop; lap.lan\t4\tRESOLVED (tcp+udp:192.0.2.53)\tExample.org.\t"
            "A (192.0.2.1)\tNOERROR\tRESOLVED\tA\tnode-1\n");
}

TEST_F(CsvSinkTest, OneFileForEachClientWithASafeName) {
  CsvSink sink({directory_.path(), true, 0});
  ASSERT_TRUE(sink.open(soon()).ok());
  ASSERT_EQ(sink.write(batch_of({QueryEventBuilder("a.example.").client("192.0.2.7", "laptop\nlap.lan"),
                                 QueryEventBuilder("b.example.").client("192.0.2.8", "../../etc/x  y"),
                                 QueryEventBuilder("c.example.").client("192.0.2.9", std::string(400, 'n'))}),
                       soon()).outcome, Outcome::kDone);
  EXPECT_TRUE(std::filesystem::exists(directory_.path() + "/2023-11-14_laptop-lap_lan.log"));
  EXPECT_TRUE(std::filesystem::exists(directory_.path() + "/2023-11-14__etc_x_y.log"));
}

TEST(CsvField, QuotesWhatGosWriterQuotes) {
  const auto written = [](std::string_view field) {
    std::string out;
    append_csv_field(field, out);
    return out;
  };
  EXPECT_EQ(written(""), "");
  EXPECT_EQ(written("plain, with comma"), "plain, with comma");
  EXPECT_EQ(written("a\tb"), "\"a\tb\"");
  EXPECT_EQ(written("say \"x\""), "\"say \"\"x\"\"\"");
  EXPECT_EQ(written("two\nlines\r"), "\"two\nlines\r\"");
  EXPECT_EQ(written(" leading"), "\" leading\"");
  EXPECT_EQ(written("trailing "), "trailing ");
  EXPECT_EQ(written("\u00a0wide"), "\"\u00a0wide\"");
  EXPECT_EQ(written("\u2003wide"), "\"\u2003wide\"");
  EXPECT_EQ(written("\u2014dash"), "\u2014dash");
  EXPECT_EQ(written("\\."), "\"\\.\"");
}

TEST_F(CsvSinkTest, FullDiskTakesNothingOfABatch) {
  CsvSink sink({directory_.path(), true, 0});
  ASSERT_TRUE(sink.open(soon()).ok());
  ASSERT_EQ(sink.write(batch_of({QueryEventBuilder("a.example.").client("192.0.2.7", "first")}), soon()).outcome, Outcome::kDone);
  const std::string before = text_of(directory_.path() + "/2023-11-14_first.log");
  // A limit for the size of files stands in for the disk's: write() fails half way in the same manner.
  signal(SIGXFSZ, SIG_IGN);
  const rlimit small{400, RLIM_INFINITY};
  setrlimit(RLIMIT_FSIZE, &small);
  std::vector<QueryEventBuilder> events{QueryEventBuilder("a.example.").client("192.0.2.7", "first")};
  for (int i = 0; i < 20; ++i) events.push_back(QueryEventBuilder("b.example.").client("192.0.2.8", "second"));
  const auto written = sink.write(batch_of(events), soon());
  const rlimit large{RLIM_INFINITY, RLIM_INFINITY};
  setrlimit(RLIMIT_FSIZE, &large);
  EXPECT_EQ(written.outcome, Outcome::kFailed);
  EXPECT_NE(written.error.find("second"), std::string::npos) << written.error;
  EXPECT_EQ(text_of(directory_.path() + "/2023-11-14_first.log"), before);
  EXPECT_EQ(text_of(directory_.path() + "/2023-11-14_second.log"), "");
}

TEST_F(CsvSinkTest, MissingDirectoryIsAnErrorWithItsCure) {
  CsvSink sink({directory_.path() + "/nowhere", false, 0});
  const auto opened = sink.open(soon());
  ASSERT_FALSE(opened.ok());
  EXPECT_NE(opened.error().find("create the directory"), std::string::npos);
}

TEST_F(CsvSinkTest, RetentionRemovesOnlyDatedLogsOlderThanWholeDays) {
  touch({"2023-11-10_ALL.log", "2023-11-12_ALL.log", "2023-11-13_x.log", "2023-11-14_x.log", "2023-11-01.txt",
         "2023-13-01_ALL.log", "notes.log"});
  CsvSink sink({directory_.path(), false, 2});
  ASSERT_TRUE(sink.maintain(on("2023-11-14"), soon()).ok());
  EXPECT_EQ(files(), (std::set<std::string>{"2023-11-12_ALL.log", "2023-11-13_x.log", "2023-11-14_x.log",
                                            "2023-11-01.txt", "2023-13-01_ALL.log", "notes.log"}));
}

TEST_F(CsvSinkTest, AClockAheadByMoreThanTheRetentionErasesNothing) {
  const std::set<std::string> log{"2023-11-10_ALL.log", "2023-11-12_ALL.log", "2023-11-13_ALL.log",
                                  "2023-11-14_ALL.log"};
  touch(log);
  CsvSink sink({directory_.path(), false, 5});
  ASSERT_TRUE(sink.maintain(on("2024-02-01"), soon()).ok());
  EXPECT_EQ(files(), log);
  touch({"2024-02-01_ALL.log"});  // what it logs meanwhile proves nothing, not in a new process either
  ASSERT_TRUE(sink.maintain(on("2024-02-01"), soon()).ok());
  ASSERT_TRUE(CsvSink({directory_.path(), false, 5}).maintain(on("2024-02-02"), soon()).ok());
  EXPECT_EQ(files().size(), log.size() + 1);
  touch({"2024-02-02_ALL.log", "2024-02-03_ALL.log"});  // after a silence the log goes on day by day
  ASSERT_TRUE(sink.maintain(on("2024-02-03"), soon()).ok());
  EXPECT_EQ(files(), (std::set<std::string>{"2024-02-01_ALL.log", "2024-02-02_ALL.log", "2024-02-03_ALL.log"}));
}

}  // namespace
}  // namespace rampart::storage
