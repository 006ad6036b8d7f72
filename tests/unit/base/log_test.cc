#include "base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>

namespace rampart::base::log {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;

std::string line(const Options& options, Level level, std::string_view message,
                 std::vector<FieldView> fields = {}) {
  configure(options);
  LineForm form(level, "server", message);
  form.refresh();
  std::string out;
  form.append(out, fields);
  EXPECT_TRUE(out.ends_with('\n'));
  out.pop_back();
  return out;
}

TEST(Log, TextFormIsLevelComponentMessageAndFields) {
  const std::string text = line({.timestamp = false}, Level::kInfo, "ready", {{"a", "1"}, {"b", "two"}});
  EXPECT_EQ(text, " INFO server: ready  a=1  b=two");
  EXPECT_THAT(line({}, Level::kWarn, "slow"), MatchesRegex("\\[[0-9-]+ [0-9:]+\\]  WARN server: slow"));
}

TEST(Log, JsonFormIsOneObjectWithEveryFieldEscaped) {
  const std::string text = line({.json = true}, Level::kError, "a \"quoted\"\nline", {{"name", "x\\y\x01"}});
  const auto object = nlohmann::json::parse(text);
  EXPECT_EQ(object.at("level"), "error");
  EXPECT_EQ(object.at("msg"), "a \"quoted\"\nline");
  EXPECT_EQ(object.at("prefix"), "server");
  EXPECT_EQ(object.at("name"), "x\\y\x01");
  EXPECT_THAT(text, Not(HasSubstr("\n")));
}

TEST(Log, JsonHasNumbersAndTimesAsOtherProgramsReadThem) {
  const std::vector<FieldView> fields = {{"count", "12", true}, {"name", "12"}};
  for (const auto& [zone, pattern] :
       {std::pair("UTC0", ".*T..:..:..Z"), std::pair("JST-9", ".*T..:..:..[+]09:00")}) {
    setenv("TZ", zone, 1);
    tzset();
    std::string text;
    // Each thread keeps the last time that it wrote.
    std::thread([&] { text = line({.json = true}, Level::kInfo, "done", fields); }).join();
    const auto object = nlohmann::json::parse(text);
    EXPECT_EQ(object.at("count"), 12);
    EXPECT_EQ(object.at("name"), "12");
    EXPECT_THAT(object.at("time").get<std::string>(), MatchesRegex(pattern));
  }
  unsetenv("TZ");
  tzset();
}

TEST(Log, ControlCharactersCannotForgeALine) {
  const std::vector<FieldView> fields = {{"q", "\x1b[31m"}};
  const std::string text = line({.timestamp = false}, Level::kInfo, "name\nFATAL server: gone", fields);
  EXPECT_THAT(text, Not(HasSubstr("\n")));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST(Log, LevelsBelowTheConfiguredOneAreOff) {
  configure({.level = Level::kWarn});
  EXPECT_FALSE(enabled(Level::kInfo));
  EXPECT_TRUE(enabled(Level::kWarn));
  EXPECT_TRUE(enabled(Level::kFatal));
  configure({});
  EXPECT_TRUE(enabled(Level::kInfo));
}

// Whoever reads our standard output may stop reading: callers go on, and what is lost is counted.
TEST(Log, AReaderThatStallsDelaysNobodyAndLosesOldLinesOnly) {
  EXPECT_TRUE(shutdown());
  std::fflush(stdout);
  const int before = dup(STDOUT_FILENO);
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  dup2(ends[1], STDOUT_FILENO);
  close(ends[1]);
  configure({.timestamp = false});
  constexpr int kLines = 40'000;  // the pipe holds a thousand or so, the queue some more
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < kLines; ++i) info("test", "line " + std::to_string(i) + std::string(60, '.'));
  const auto took = std::chrono::steady_clock::now() - began;
  const std::uint64_t dropped = dropped_lines();
  std::string text;
  std::thread reader([&] {
    char buffer[4096];
    for (ssize_t n; (n = read(ends[0], buffer, sizeof(buffer))) > 0;)
      text.append(buffer, static_cast<std::size_t>(n));
  });
  EXPECT_TRUE(shutdown(std::chrono::seconds(30)));  // writes what is queued
  std::fflush(stdout);
  dup2(before, STDOUT_FILENO);  // closes the last writing end
  close(before);
  reader.join();
  close(ends[0]);
  EXPECT_LT(took, std::chrono::seconds(10));
  EXPECT_GT(dropped, 0u);
  EXPECT_LT(dropped, static_cast<std::uint64_t>(kLines));
  EXPECT_THAT(text, HasSubstr("line " + std::to_string(kLines - 1) + "."));
  EXPECT_EQ(static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n')) + dropped,
            static_cast<std::uint64_t>(kLines));
}

// As _exit(), which under ThreadSanitizer flushes stdout first, and nobody reads it here.
[[noreturn]] void leave(int status) {
  syscall(SYS_exit_group, status);
  std::abort();
}

// In a process of its own, as this one's output is lost with it.
TEST(LogDeathTest, AReaderThatNeverComesBackKeepsNobodyFromEnding) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        int ends[2];
        if (pipe(ends) != 0) leave(1);
        dup2(ends[1], STDOUT_FILENO);
        configure({});
        for (int i = 0; i < 5'000; ++i) info("test", std::string(100, '.'));
        const auto began = std::chrono::steady_clock::now();
        if (shutdown(std::chrono::milliseconds(200))) leave(2);
        info("test", "a line that waits for nobody");
        if (shutdown()) leave(3);
        leave(std::chrono::steady_clock::now() - began < std::chrono::seconds(10) ? 0 : 4);
      },
      testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace rampart::base::log
