// Real lists, if they are there: what the parser takes is what tools/count-list, which shares no code with it,
// counts (the table of docs/list-formats.md).
#include "blocklists/list_parser.h"

#include <gtest/gtest.h>

#include "blocklists/compiled_source.h"
#include "tests/support/real_lists.h"

namespace rampart::blocklists {
namespace {

struct Expected {
  const char* file;
  std::array<std::uint64_t, 4> rules;  ///< exact, wildcard, regex, address
  std::uint64_t different;
  std::uint64_t blank_lines;
  std::uint64_t errors;
};

class RealList : public testing::TestWithParam<Expected> {};

TEST_P(RealList, CountsAsTheIndependentScriptDoes) {
  const Expected& expected = GetParam();
  const auto text = support::read_real_list(expected.file);
  if (!text) GTEST_SKIP() << expected.file << " is not there: set RAMPART_DATA_DIR to where the real lists are";
  SourceCompiler compiler{base::HashKey{}};
  const ListStatistics statistics = parse_list(*text, {.max_errors = -1}, compiler);
  EXPECT_EQ(statistics.rules, expected.rules);
  EXPECT_EQ(compiler.finish().rule_count(), expected.different);
  EXPECT_EQ(statistics.blank_lines, expected.blank_lines);
  EXPECT_EQ(statistics.error_count, expected.errors);
  EXPECT_EQ(statistics.skipped_count(), 0u);
}

INSTANTIATE_TEST_SUITE_P(
    All, RealList,
    testing::Values(Expected{"stevenblack-hosts.txt", {125367, 0, 0, 1}, 125366, 6763, 0},
                    Expected{"hagezi-light-wildcard.txt", {0, 122680, 0, 0}, 122680, 10, 0},
                    Expected{"oisd-small-wildcard.txt", {0, 42432, 0, 0}, 42432, 14, 0},
                    Expected{"oisd-small-abp.txt", {0, 42432, 0, 0}, 42432, 12, 0},
                    Expected{"mmotti-regex-blocky.txt", {0, 0, 14, 0}, 14, 0, 0},
                    Expected{"mmotti-regex-pihole.txt", {0, 0, 0, 0}, 0, 17, 14},
                    Expected{"anudeepnd-allow.txt", {191, 0, 0, 0}, 191, 0, 0},
                    Expected{"anudeepnd-allow-optional.txt", {144, 0, 0, 0}, 143, 82, 0},
                    Expected{"blocklistproject-malware-ip.txt", {0, 0, 0, 20907}, 20907, 15, 0},
                    Expected{"opendns-top-10k.txt", {10000, 0, 0, 0}, 10000, 0, 0}));

}  // namespace
}  // namespace rampart::blocklists
