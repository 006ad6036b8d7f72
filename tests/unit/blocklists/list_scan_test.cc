#include "blocklists/list_scan.h"

#include <gtest/gtest.h>

namespace rampart::blocklists {
namespace {

/// A text that arrives in pieces of `step` octets.
ReadText pieces(std::string text, std::size_t step) {
  return [text = std::move(text), step](const TakeText& take) -> base::Result<std::uint64_t, std::string> {
    for (std::size_t i = 0; i < text.size(); i += step)
      if (!take(std::string_view(text).substr(i, step))) break;
    return std::uint64_t{text.size()};
  };
}

TEST(ListScan, GivesEachRuleTheLineItStandsOn) {
  for (const std::size_t step : {1u, 3u, 100u}) {
    std::string found;
    const auto scan = scan_list(pieces("# c\n0.0.0.0 a.example b.example\r\n\n*.c.example\n192.0.2.0/24", step), {},
                                [&](const Rule& rule, std::uint64_t line) {
                                  found += std::to_string(line) + ":";
                                  found += rule.kind == RuleKind::kAddress ? rule.range.to_string() : std::string(rule.name);
                                  found += " ";
                                });
    ASSERT_TRUE(scan.ok());
    EXPECT_EQ(found, "2:a.example 2:b.example 4:c.example 5:192.0.2.0/24 ");
    EXPECT_EQ(scan->statistics.lines, 5u);
    EXPECT_FALSE(scan->is_over_budget);
  }
}

TEST(ListScan, TheErrorBudgetEndsIt) {
  const auto scan = scan_list(pieces("<a>\n<b>\nx.example\n", 100), {.max_errors = 1}, [](const Rule&, std::uint64_t) { FAIL(); });
  ASSERT_TRUE(scan.ok());
  EXPECT_TRUE(scan->is_over_budget);
}

TEST(ListScan, AFileThatIsMissingIsAnErrorThatNamesIt) {
  const auto scan = scan_list([](const TakeText& take) { return read_text({SourceKind::kFile, "/nonexistent/list"}, take); }, {},
                              [](const Rule&, std::uint64_t) {});
  ASSERT_FALSE(scan.ok());
  EXPECT_NE(scan.error().find("/nonexistent/list"), std::string::npos);
}

TEST(LineText, IsTheLineWithoutItsEnd) {
  for (const std::size_t step : {1u, 2u, 100u}) {
    const auto text = pieces("first\nsecond\r\nlast", step);
    EXPECT_EQ(line_text(text, 1).value(), "first");
    EXPECT_EQ(line_text(text, 2).value(), "second");
    EXPECT_EQ(line_text(text, 3).value(), "last");
    EXPECT_EQ(line_text(text, 4).value(), "");
  }
}

TEST(LineText, IsCutAndPrintable) {
  const auto text = line_text(pieces("a\x1b[2J" + std::string(100'000, 'x') + "\nnext\n", 7), 1).value();
  EXPECT_LE(text.size(), kShownLineMax + 3);
  EXPECT_TRUE(text.starts_with("a?[2J"));
  EXPECT_TRUE(text.ends_with("..."));
}

}  // namespace
}  // namespace rampart::blocklists
