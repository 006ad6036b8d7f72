// The seeds of the list fuzzer must lead it into every grammar: each form of line, each kind of rule and each cause
// of a skip is reached by a seed, so that mutations start from there.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include "blocklists/list_parser.h"
#include "tests/support/rule_collector.h"

namespace rampart::blocklists {
namespace {

std::map<std::string, std::string> seeds() {
  std::map<std::string, std::string> texts;
  for (const auto& file : std::filesystem::directory_iterator(RAMPART_LIST_SEEDS)) {
    std::ifstream in(file.path(), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    if (!text.empty()) texts[file.path().filename()] = text.substr(1);  // the first octet is the fuzzer's step
  }
  return texts;
}

TEST(ListSeeds, EveryFormOfLineIsInOne) {
  // A seed, and the rule that only its grammar makes of it.
  const std::pair<const char*, const char*> kForms[] = {
      {"hosts.bin", "deny exact b.example.org"},          {"plain.bin", "deny exact example.net"},
      {"wildcard.bin", "deny wildcard example.org"},      {"regex.bin", "deny regex ^ads?[0-9]*\\."},
      {"adblock.bin", "allow! wildcard good.example.org"}, {"adblock_modifiers.bin", "deny! regex ads[0-9]"},
      {"dnsmasq.bin", "deny wildcard b.example"},         {"unbound.bin", "deny exact example.net"},
      {"rpz.bin", "allow exact ok.example"},              {"addresses.bin", "deny address 198.51.100.0/24"},
      {"addresses.bin", "deny address 2001:db8::/32"}};
  const auto texts = seeds();
  for (const auto& [seed, rule] : kForms) {
    ASSERT_TRUE(texts.contains(seed)) << seed;
    support::RuleCollector collector;
    static_cast<void>(parse_list(texts.at(seed), {.max_errors = -1}, collector));
    EXPECT_EQ(std::count(collector.rules.begin(), collector.rules.end(), rule), 1) << seed << ": " << rule;
  }
}

TEST(ListSeeds, TogetherTheyReachEveryKindOfRuleSkipAndError) {
  ListStatistics sum;
  for (const auto& [seed, text] : seeds()) {
    support::RuleCollector collector;
    const auto statistics = parse_list(text, {.max_errors = -1}, collector);
    for (std::size_t i = 0; i < sum.rules.size(); ++i) sum.rules[i] += statistics.rules[i];
    for (std::size_t i = 0; i < sum.skipped.size(); ++i) sum.skipped[i] += statistics.skipped[i];
    sum.exceptions += statistics.exceptions;
    sum.blank_lines += statistics.blank_lines;
    sum.error_count += statistics.error_count;
  }
  for (std::size_t i = 0; i < sum.rules.size(); ++i) EXPECT_GT(sum.rules[i], 0u) << "kind " << i;
  for (std::size_t i = 0; i < sum.skipped.size(); ++i)
    EXPECT_GT(sum.skipped[i], 0u) << describe(static_cast<SkipCause>(i));
  EXPECT_GT(sum.exceptions, 0u);
  EXPECT_GT(sum.blank_lines, 0u);
  EXPECT_GT(sum.error_count, 0u);
}

}  // namespace
}  // namespace rampart::blocklists
