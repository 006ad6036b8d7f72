// Rules for some query types only (`$dnstype`), from the text of a list to the verdict.
#include "blocklists/query_types.h"

#include <gtest/gtest.h>

#include <string>

#include "blocklists/list_parser.h"
#include "blocklists/rule_sets.h"
#include "tests/support/filter_world.h"
#include "tests/support/rule_collector.h"

namespace rampart::blocklists {
namespace {

using dns::RrType;
using support::exact;
using support::exception;
using support::FilterWorld;
using support::folded;
using support::important;
using support::range;
using support::regex;
using support::wildcard;

constexpr GroupMask kAll = ~GroupMask{0};

TEST(QueryTypes, OnlyTheseOrAllButThese) {
  const auto only = QueryTypes::parse("AAAA|A").value();
  EXPECT_TRUE(only.contains(RrType::kA) && only.contains(RrType::kAaaa));
  EXPECT_FALSE(only.contains(RrType::kHttps));
  EXPECT_EQ(only.to_text(), "A|AAAA");
  const auto but = QueryTypes::parse("~a|~cname").value();
  EXPECT_FALSE(but.contains(RrType::kA) || but.contains(RrType::kCname));
  EXPECT_TRUE(but.contains(RrType::kAaaa) && but.contains(RrType::kAny));
  EXPECT_EQ(but.to_text(), "~A|~CNAME");
  EXPECT_EQ(QueryTypes::parse("A|~AAAA"), QueryTypes::parse("A"));
  EXPECT_EQ(QueryTypes::parse("A|AAAA|~AAAA"), QueryTypes::parse("A|A"));
  EXPECT_EQ(QueryTypes::parse("TYPE65"), QueryTypes::parse("HTTPS"));
  EXPECT_TRUE(QueryTypes::parse("TYPE65000")->contains(static_cast<RrType>(65000)));
}

TEST(QueryTypes, WhatIsNotUnderstoodIsNone) {
  for (const char* text : {"", "~", "A|", "|A", "NONSENSE", "A|~A", "A AAAA", "~~A", "TYPE70000"})
    EXPECT_FALSE(QueryTypes::parse(text)) << text;
  std::string many = "TYPE1";
  for (int i = 2; i <= 16; ++i) many += "|TYPE" + std::to_string(i);
  EXPECT_TRUE(QueryTypes::parse(many)->contains(static_cast<RrType>(16)));
  EXPECT_FALSE(QueryTypes::parse(many + "|TYPE17"));
}

ListStatistics parse(const std::string& text, std::vector<std::string>& rules) {
  support::RuleCollector sink;
  auto statistics = parse_list(text, {.max_errors = -1}, sink);
  rules = std::move(sink.rules);
  return statistics;
}

TEST(QueryTypes, InEveryAdblockRule) {
  std::vector<std::string> rules;
  const auto statistics = parse(
      "||a.example^$dnstype=AAAA\n|b.example^$dnstype=~A\n@@||c.example^$important,dnstype=~a|~cname\n"
      "/^ads/$dnstype=A|AAAA,important\n||192.0.2.0^$dnstype=A\nd.example$dnstype=HTTPS\n||plain.example^\n",
      rules);
  const std::vector<std::string> expected = {
      "deny wildcard a.example for AAAA", "deny exact b.example for ~A", "allow! wildcard c.example for ~A|~CNAME",
      "deny! regex ^ads for A|AAAA",      "deny address 192.0.2.0 for A", "deny exact d.example for HTTPS",
      "deny wildcard plain.example"};
  EXPECT_EQ(rules, expected);
  EXPECT_EQ(statistics.typed, 6u);
  EXPECT_EQ(statistics.error_count, 0u);
}

TEST(QueryTypes, UnknownOnesAreSkippedAndTooManyAreAnError) {
  std::vector<std::string> rules;
  const std::string rule = "||a.example^$dnstype=";
  auto statistics = parse(rule + "NEW\n" + rule + "\n" + rule + "A,client=x\n", rules);
  EXPECT_TRUE(rules.empty());
  EXPECT_EQ(statistics.skipped[static_cast<std::size_t>(SkipCause::kDnsType)], 2u);
  EXPECT_EQ(statistics.skipped[static_cast<std::size_t>(SkipCause::kModifier)], 1u);
  std::string text;
  for (std::size_t i = 1; i <= ListGrammar::kTypesMax + 1; ++i) {
    const std::string type = std::to_string(i);
    for (const char* name : {"||a", "||b"}) text += name + type + ".example^$dnstype=TYPE" + type + "\n";
  }
  statistics = parse(text, rules);
  EXPECT_EQ(rules.size(), 2 * ListGrammar::kTypesMax);
  EXPECT_EQ(statistics.error_count, 2u);
}

Rule for_types(const QueryTypes& types, Rule rule) {
  rule.types = &types;
  return rule;
}

class TypedRules : public ::testing::Test {
 protected:
  const QueryTypes aaaa = QueryTypes::parse("AAAA").value();
  const QueryTypes not_a = QueryTypes::parse("~A").value();
};

TEST_F(TypedRules, HoldForTheirTypesAlone) {
  const auto set = FilterWorld()
                       .deny("ads", {for_types(aaaa, wildcard("example.org")), for_types(not_a, exact("x.example")),
                                     for_types(aaaa, regex("^re")), for_types(aaaa, range("192.0.2.0/24"))})
                       .build();
  for (const char* name : {"example.org", "a.b.example.org", "re.example", "192.0.2.7"}) {
    EXPECT_EQ(set->match(folded(name), kAll, RrType::kA).action, Action::kNone) << name;
    const Verdict verdict = set->match(folded(name), kAll, RrType::kAaaa);
    ASSERT_EQ(verdict.action, Action::kDeny) << name;
    ASSERT_EQ(verdict.match_count, 1);
    EXPECT_EQ(set->types_text(verdict.matches[0].types), "$dnstype=AAAA");
  }
  EXPECT_EQ(set->match(folded("x.example"), kAll, RrType::kA).action, Action::kNone);
  EXPECT_EQ(set->match(folded("x.example"), kAll, RrType::kHttps).action, Action::kDeny);
  EXPECT_EQ(set->match(folded("y.x.example"), kAll, RrType::kHttps).action, Action::kNone);
  EXPECT_EQ(set->match(*base::IpAddress::parse("192.0.2.7"), kAll, RrType::kA).action, Action::kNone);
  EXPECT_EQ(set->match(*base::IpAddress::parse("192.0.2.7"), kAll, RrType::kAaaa).action, Action::kDeny);
  EXPECT_TRUE(set->has_deny_rules(kAll));
  EXPECT_EQ(set->group_rule_count(0, Action::kDeny), 4u);
}

TEST_F(TypedRules, HaveTheStrengthOfOthers) {
  const auto set = FilterWorld()
                       .deny("a", {wildcard("example.org"),
                                   for_types(aaaa, important(wildcard("hard.example.org")))})
                       .deny("b", {for_types(aaaa, exception(wildcard("example.org")))})
                       .build();
  EXPECT_EQ(set->match(folded("example.org"), 1, RrType::kAaaa).action, Action::kDeny) << "the exception is of b";
  EXPECT_EQ(set->match(folded("example.org"), 3, RrType::kAaaa).action, Action::kAllow);
  EXPECT_EQ(set->match(folded("example.org"), 3, RrType::kA).action, Action::kDeny);
  EXPECT_EQ(set->match(folded("hard.example.org"), 3, RrType::kAaaa).action, Action::kDeny);
  const Verdict verdict = set->match(folded("hard.example.org"), 3, RrType::kA);
  EXPECT_EQ(verdict.action, Action::kDeny);
  EXPECT_EQ(verdict.matches[0].labels_skipped, 1) << "the rule for all types, of the name above";
  EXPECT_EQ(set->types_text(verdict.matches[0].types), "");
}

TEST_F(TypedRules, OneNameInSeveralListsIsOneRuleAndReportsTheOneForAllTypes) {
  const auto set = FilterWorld()
                       .deny("a", {for_types(aaaa, exact("x.example"))})
                       .deny("a", {exact("x.example")})
                       .build();
  EXPECT_EQ(set->rule_count(), 1u);
  EXPECT_EQ(set->group_rule_count(0, Action::kDeny), 1u);
  EXPECT_EQ(set->match(folded("x.example"), kAll, RrType::kAaaa).matches[0].source, 1);
  EXPECT_EQ(set->match(folded("x.example"), kAll, RrType::kA).matches[0].source, 1);
}

TEST_F(TypedRules, HoldFromDisk) {
  SourceCompiler compiler(base::HashKey{});
  for (const char* name : {"b.example", "a.example", "b.example"}) compiler.add(for_types(aaaa, wildcard(name)));
  compiler.add(for_types(not_a, exact("a.example")));
  compiler.add(exact("plain.example"));
  const auto source = std::make_shared<CompiledSource>(compiler.finish());
  EXPECT_EQ(source->rule_count(), 4u);
  ASSERT_TRUE(source->move_to_disk("").ok());
  EXPECT_EQ(source->rule_count(), 4u);
  EXPECT_TRUE(source->typed_hashes().empty());
  auto builder = FilterSetBuilder::create(base::HashKey{}, {"g"}).value();
  static_cast<void>(builder.add_source({.group = 0, .action = Action::kDeny}, source));
  const auto set = builder.build().value();
  EXPECT_EQ(set->match(folded("x.b.example"), 1, RrType::kAaaa).action, Action::kDeny);
  EXPECT_EQ(set->match(folded("x.b.example"), 1, RrType::kA).action, Action::kNone);
  EXPECT_EQ(set->match(folded("a.example"), 1, RrType::kHttps).action, Action::kDeny);
}

TEST(QueryTypes, TooManyCombinationsOfAllListsAreAnError) {
  auto builder = FilterSetBuilder::create(base::HashKey{}, {"g"}).value();
  const auto source = builder.add_source({.group = 0, .action = Action::kDeny});
  for (std::size_t i = 1; i <= RuleSets::kTypesMax + 1; ++i) {
    const auto types = QueryTypes::parse("TYPE" + std::to_string(i)).value();
    builder.add(source, for_types(types, exact("x.example")));
  }
  const auto built = builder.build();
  ASSERT_FALSE(built.ok());
  EXPECT_NE(built.error().find("$dnstype"), std::string::npos) << built.error();
}

}  // namespace
}  // namespace rampart::blocklists
