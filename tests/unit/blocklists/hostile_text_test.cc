#include "blocklists/list_parser.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <string>

#include "blocklists/compiled_source.h"

namespace rampart::blocklists {
namespace {

// A GiB in one line, as it would come out of a small archive, and ten million lines in error: time and memory stay
// bounded. Memory is that of the parser alone: the text is made piece by piece.
TEST(HostileText, AGibibyteInOneLineIsOneErrorAndTakesNoMemory) {
  SourceCompiler compiler(base::HashKey{});
  ListParser parser(ListParserOptions{}, compiler);
  const std::string piece(1 << 20, 'x');
  rusage before{};
  getrusage(RUSAGE_SELF, &before);
  for (int i = 0; i < 1024; ++i) EXPECT_TRUE(parser.feed(piece));
  EXPECT_TRUE(parser.feed("\ngood.example.org\n"));
  EXPECT_TRUE(parser.finish());
  rusage after{};
  getrusage(RUSAGE_SELF, &after);
  EXPECT_EQ(parser.statistics().error_count, 1u);
  EXPECT_EQ(parser.statistics().rule_count(), 1u);
  EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 8 * 1024);
}

TEST(HostileText, TenMillionLinesInErrorAreCountedAndTenOfThemKept) {
  std::string piece;
  for (int i = 0; i < 10'000; ++i) piece += "a..b\n";
  for (const bool bounded : {true, false}) {
    SourceCompiler compiler(base::HashKey{});
    ListParserOptions options;
    if (!bounded) options.max_errors = -1;
    ListParser parser(options, compiler);
    for (int i = 0; i < 1000; ++i)
      if (!parser.feed(piece)) break;
    EXPECT_EQ(parser.finish(), !bounded);
    EXPECT_EQ(parser.statistics().error_count, bounded ? 6u : 10'000'000u);
    EXPECT_LE(parser.statistics().errors.size(), options.kept_errors);
  }
}

}  // namespace
}  // namespace rampart::blocklists
