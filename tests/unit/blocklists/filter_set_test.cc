#include "blocklists/filter_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/random.h"
#include "tests/support/filter_world.h"

namespace rampart::blocklists {
namespace {

using support::exact;
using support::exception;
using support::FilterWorld;
using support::folded;
using support::important;
using support::range;
using support::regex;
using support::wildcard;

constexpr GroupMask kAll = ~GroupMask{0};

base::IpAddress ip(std::string_view text) { return base::IpAddress::parse(text).value(); }

TEST(FilterSet, EmptySetDecidesNothing) {
  const auto set = FilterWorld().build();
  EXPECT_EQ(set->match(folded("www.example.org"), kAll).action, Action::kNone);
  EXPECT_EQ(set->match(folded("."), kAll).action, Action::kNone);
  EXPECT_EQ(set->match(ip("192.0.2.1"), kAll).action, Action::kNone);
  EXPECT_EQ(set->rule_count(), 0u);
  EXPECT_FALSE(set->has_deny_rules(kAll));
}

TEST(FilterSet, ExactRuleMatchesTheNameOnly) {
  const auto set = FilterWorld().deny("ads", {exact("ads.example.org")}).build();
  EXPECT_EQ(set->match(folded("ads.example.org"), kAll).action, Action::kDeny);
  EXPECT_EQ(set->match(folded("ADS.Example.ORG"), kAll).action, Action::kDeny);
  for (const char* other : {"x.ads.example.org", "example.org", "org", "xads.example.org", "ads.example.orgx", "."}) {
    EXPECT_EQ(set->match(folded(other), kAll).action, Action::kNone) << other;
  }
}

TEST(FilterSet, WildcardMatchesTheNameAndWhatLiesBelow) {
  const auto set = FilterWorld().deny("ads", {wildcard("example.org")}).build();
  for (const char* name : {"example.org", "a.example.org", "a.b.c.example.org"}) {
    const Verdict verdict = set->match(folded(name), kAll);
    EXPECT_EQ(verdict.action, Action::kDeny) << name;
    ASSERT_EQ(verdict.match_count, 1);
    EXPECT_EQ(verdict.matches[0].kind, RuleKind::kWildcard);
  }
  EXPECT_EQ(set->match(folded("a.b.example.org"), kAll).matches[0].labels_skipped, 2);
  EXPECT_EQ(set->match(folded("badexample.org"), kAll).action, Action::kNone);
  EXPECT_EQ(set->match(folded("org"), kAll).action, Action::kNone);
}

TEST(FilterSet, AllowOfAnyGroupBeatsDeny) {
  const auto set = FilterWorld()
                       .deny("ads", {wildcard("example.org")})
                       .allow("kids", {exact("good.example.org")})
                       .build();
  const Verdict verdict = set->match(folded("good.example.org"), kAll);
  EXPECT_EQ(verdict.action, Action::kAllow);
  EXPECT_EQ(verdict.groups, GroupMask{2});  // groups are sorted: ads, kids
  EXPECT_EQ(verdict.matches[0].source, 1);
  // ... but only of the client's groups.
  EXPECT_EQ(set->match(folded("good.example.org"), GroupMask{1}).action, Action::kDeny);
}

TEST(FilterSet, AllowRuleOnParentBeatsDenyOnChild) {
  const auto set = FilterWorld().deny("g", {exact("a.b.example.org")}).allow("g", {wildcard("example.org")}).build();
  EXPECT_EQ(set->match(folded("a.b.example.org"), kAll).action, Action::kAllow);
}

TEST(FilterSet, ExactIsReportedBeforeWildcardBeforeRegex) {
  const auto set = FilterWorld()
                       .deny("g", {regex("example")})
                       .deny("g", {wildcard("example.org")})
                       .deny("g", {exact("a.example.org")})
                       .build();
  const auto reported = [&](const char* name) { return set->match(folded(name), kAll).matches[0]; };
  EXPECT_EQ(reported("a.example.org").kind, RuleKind::kExact);
  EXPECT_EQ(reported("a.example.org").source, 2);
  EXPECT_EQ(reported("b.example.org").kind, RuleKind::kWildcard);
  EXPECT_EQ(reported("b.example.org").source, 1);
  EXPECT_EQ(reported("example.net").kind, RuleKind::kRegex);
  EXPECT_EQ(reported("example.net").source, 0);
  EXPECT_EQ(set->regex_text(reported("example.net").regex), "example");
}

TEST(FilterSet, WidestWildcardIsReported) {
  const auto set = FilterWorld().deny("g", {wildcard("b.example.org")}).deny("g", {wildcard("example.org")}).build();
  const RuleMatch match = set->match(folded("a.b.example.org"), kAll).matches[0];
  EXPECT_EQ(match.labels_skipped, 2);
  EXPECT_EQ(match.source, 1);
}

TEST(FilterSet, FirstSourceIsReported) {
  const auto set = FilterWorld()
                       .deny("b", {exact("example.org")})
                       .deny("a", {exact("example.org")})
                       .deny("a", {exact("example.org")})
                       .build();
  const Verdict verdict = set->match(folded("example.org"), kAll);
  ASSERT_EQ(verdict.match_count, 2);  // one rule for each group, ordered by group
  EXPECT_EQ(set->groups()[verdict.matches[0].group], "a");
  EXPECT_EQ(verdict.matches[0].source, 1);
  EXPECT_EQ(set->groups()[verdict.matches[1].group], "b");
  EXPECT_EQ(verdict.matches[1].source, 0);
}

TEST(FilterSet, OneGroupMayMatchByNameAndAnotherByRegex) {
  const auto set = FilterWorld().deny("a", {exact("ads.example.org")}).deny("b", {regex("^ads\\.")}).build();
  const Verdict verdict = set->match(folded("ads.example.org"), kAll);
  EXPECT_EQ(verdict.groups, GroupMask{3});
  EXPECT_EQ(verdict.matches[0].kind, RuleKind::kExact);
  EXPECT_EQ(verdict.matches[1].kind, RuleKind::kRegex);
}

TEST(FilterSet, RegexSeesTheLowerCaseNameWithoutFinalDot) {
  const auto set = FilterWorld().deny("g", {regex("^ads[0-9]+\\.example\\.org$"), regex("^UPPER")}).build();
  EXPECT_EQ(set->match(folded("ADS12.example.org."), kAll).action, Action::kDeny);
  EXPECT_EQ(set->match(folded("x.ads12.example.org"), kAll).action, Action::kNone);
  EXPECT_EQ(set->match(folded("upper.example.org"), kAll).action, Action::kNone);
}

TEST(FilterSet, AllowRegexBeatsDeniedName) {
  const auto set = FilterWorld().deny("g", {exact("ads.example.org")}).allow("g", {regex("^ads")}).build();
  EXPECT_EQ(set->match(folded("ads.example.org"), kAll).action, Action::kAllow);
}

TEST(FilterSet, ExceptionInDenylistAllows) {
  const auto set = FilterWorld().deny("g", {wildcard("example.org"), exception(wildcard("good.example.org"))}).build();
  EXPECT_EQ(set->match(folded("a.good.example.org"), kAll).action, Action::kAllow);
  EXPECT_EQ(set->match(folded("bad.example.org"), kAll).action, Action::kDeny);
  EXPECT_EQ(set->allowlist_only_groups(), GroupMask{0});
}

TEST(FilterSet, ImportantDenyBeatsAllowUnlessThatIsImportantToo) {
  const auto set = FilterWorld()
                       .deny("g", {important(wildcard("example.org"))})
                       .allow("g", {exact("a.example.org")})
                       .deny("g", {important(exception(exact("b.example.org")))})
                       .build();
  EXPECT_EQ(set->match(folded("a.example.org"), kAll).action, Action::kDeny);
  EXPECT_EQ(set->match(folded("b.example.org"), kAll).action, Action::kAllow);
}

TEST(FilterSet, GroupsWithAllowlistsOnly) {
  const auto set = FilterWorld()
                       .allow("only", {exact("a.example.org")})
                       .allow("both", {exact("b.example.org")})
                       .deny("both", {})
                       .deny("deny", {exact("c.example.org")})
                       .build();
  EXPECT_THAT(set->groups(), testing::ElementsAre("both", "deny", "only"));
  EXPECT_EQ(set->allowlist_only_groups(), GroupMask{4});
  EXPECT_FALSE(set->has_deny_rules(GroupMask{5}));
  EXPECT_TRUE(set->has_deny_rules(GroupMask{2}));
}

TEST(FilterSet, AddressesAndNestedRanges) {
  const auto set = FilterWorld()
                       .deny("a", {range("192.0.2.0/24"), range("192.0.2.7"), range("2001:db8::/32")})
                       .deny("b", {range("192.0.2.128/25"), range("0.0.0.0/0")})
                       .allow("b", {range("192.0.2.200"), range("255.255.255.255"), range("2001:db8::1")})
                       .build();
  const auto decided = [&](const char* address, GroupMask groups) {
    const Verdict verdict = set->match(ip(address), groups);
    return std::pair(verdict.action, verdict.groups);
  };
  using Expected = std::pair<Action, GroupMask>;
  EXPECT_EQ(decided("192.0.1.255", kAll), Expected(Action::kDeny, 2));
  EXPECT_EQ(decided("192.0.2.0", kAll), Expected(Action::kDeny, 3));
  EXPECT_EQ(decided("192.0.2.7", 1), Expected(Action::kDeny, 1));
  EXPECT_EQ(decided("192.0.2.200", kAll), Expected(Action::kAllow, 2));
  EXPECT_EQ(decided("192.0.2.201", kAll), Expected(Action::kDeny, 3));
  EXPECT_EQ(decided("192.0.2.255", 1), Expected(Action::kDeny, 1));
  EXPECT_EQ(decided("192.0.3.0", 1), Expected(Action::kNone, 0));
  EXPECT_EQ(decided("255.255.255.255", kAll), Expected(Action::kAllow, 2));
  EXPECT_EQ(decided("255.255.255.254", kAll), Expected(Action::kDeny, 2));
  EXPECT_EQ(decided("2001:db7:ffff::", kAll), Expected(Action::kNone, 0));
  EXPECT_EQ(decided("2001:db8::", kAll), Expected(Action::kDeny, 1));
  EXPECT_EQ(decided("2001:db8::1", kAll), Expected(Action::kAllow, 2));
  EXPECT_EQ(decided("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", kAll), Expected(Action::kDeny, 1));
  EXPECT_EQ(decided("2001:db9::", kAll), Expected(Action::kNone, 0));
}

TEST(FilterSet, NameThatLooksLikeAnAddressMatchesAddressRules) {
  const auto set = FilterWorld().deny("g", {range("192.0.2.0/24")}).build();
  const Verdict verdict = set->match(folded("192.0.2.1"), kAll);
  EXPECT_EQ(verdict.action, Action::kDeny);
  EXPECT_EQ(verdict.matches[0].kind, RuleKind::kAddress);
  for (const char* other : {"192.0.2.256", "192.0.2.01", "192.0.2", "a.192.0.2.1", "192.0.2.x"}) {
    EXPECT_EQ(set->match(folded(other), kAll).action, Action::kNone) << other;
  }
}

TEST(FilterSet, CountsRulesWithoutDuplicates) {
  const auto set = FilterWorld()
                       .deny("a", {exact("x.example.org"), exact("x.example.org"), wildcard("x.example.org"), regex("x")})
                       .deny("a", {exact("x.example.org"), exact("y.example.org"), range("192.0.2.1"), regex("x")})
                       .deny("b", {exact("x.example.org"), range("192.0.2.1")})
                       .allow("a", {exact("x.example.org")})
                       .build();
  EXPECT_EQ(set->group_rule_count(0, Action::kDeny), 5u);  // x exact, x wildcard, y, the regex, the address
  EXPECT_EQ(set->group_rule_count(0, Action::kAllow), 1u);
  EXPECT_EQ(set->group_rule_count(1, Action::kDeny), 2u);
  EXPECT_EQ(set->group_rule_count(1, Action::kAllow), 0u);
  EXPECT_EQ(set->rule_count(), 4u);  // the names x and y, the regex, the address
  EXPECT_EQ(set->sources()[0].entries, 3u);
}

TEST(FilterSet, ReportsAtMostEightRulesButAllGroups) {
  FilterWorld world;
  for (int i = 0; i < 64; ++i) world.deny("group " + std::to_string(100 + i), {exact("example.org")});
  const auto set = world.build();
  const Verdict verdict = set->match(folded("example.org"), kAll);
  EXPECT_EQ(verdict.groups, kAll);
  EXPECT_EQ(verdict.match_count, 8);
  EXPECT_EQ(set->match(folded("example.org"), GroupMask{1} << 63).matches[0].source, 63);
}

TEST(FilterSet, LongestNamesAndMostLabels) {
  std::string deep = "a";
  for (int i = 1; i < 127; ++i) deep += ".a";
  const std::string wide = std::string(63, 'x') + "." + std::string(63, 'y') + "." + std::string(63, 'z') + "." + std::string(61, 'w');
  const auto set = FilterWorld().deny("g", {exact(deep), exact(wide), regex("y{63}"), wildcard("q.a")}).build();
  EXPECT_EQ(set->match(folded(deep), kAll).matches[0].kind, RuleKind::kExact);
  EXPECT_EQ(set->match(folded(wide), kAll).matches[0].kind, RuleKind::kExact);
}

TEST(FilterSet, LabelsAreNotConfusedWithOneAnother) {
  const auto set = FilterWorld().deny("g", {exact("abcdefgh.ijklmnop.example.org"), wildcard("aa.bb")}).build();
  for (const char* other : {"abcdefghijklmnop.example.org", "abcdefgh\\.ijklmnop.example.org", "aab.b", "a.abb",
                            "abcdefgh.ijklmnop.exampleorg", "bb.aa"}) {
    EXPECT_EQ(set->match(folded(other), kAll).action, Action::kNone) << other;
  }
}

// More rule sets than fit into the entries of the table: the rest must be found in the side table.
TEST(FilterSet, ManyCombinationsOfGroupsKeepTheirVerdicts) {
  base::SecureRandom random;
  std::vector<std::string> names;
  std::vector<GroupMask> masks;
  for (int i = 0; i < 5000; ++i) {
    names.push_back("n" + std::to_string(i) + ".example.org");
    masks.push_back(random.next_u64() & 0xffffff);
  }
  FilterWorld world;
  for (int group = 0; group < 24; ++group) {
    FilterWorld::Rules rules;
    for (std::size_t i = 0; i < names.size(); ++i) {
      if ((masks[i] >> group & 1) != 0) rules.push_back(exact(names[i]));
    }
    world.deny("group " + std::to_string(100 + group), rules);
  }
  const auto set = world.build();
  for (std::size_t i = 0; i < names.size(); ++i) ASSERT_EQ(set->match(folded(names[i]), kAll).groups, masks[i]);
}

TEST(FilterSet, HashesKeptByTheCallerGiveTheSameVerdict) {
  const auto set = FilterWorld().deny("g", {wildcard("example.org")}).build();
  const dns::FoldedName name = folded("a.example.org");
  NameHashes hashes;
  hash_suffixes(set->key(), name, hashes);
  set->prefetch(hashes);
  set->prefetch(name);
  EXPECT_EQ(hashes.count, 3);
  EXPECT_EQ(set->match(name, hashes, kAll, dns::RrType::kA).action, Action::kDeny);
}

TEST(FilterSet, SecondPrefetchTellsNamesThatMayBeListed) {
  const auto set = FilterWorld().deny("g", {wildcard("example.org"), exact("one.example.net")}).build();
  const auto may_be_listed = [&](const char* name) {
    NameHashes hashes;
    hash_suffixes(set->key(), folded(name), hashes);
    return set->prefetch_listed(hashes);
  };
  EXPECT_TRUE(may_be_listed("a.b.example.org"));
  EXPECT_TRUE(may_be_listed("one.example.net"));
  EXPECT_FALSE(may_be_listed("org"));
  int others = 0;
  for (int i = 0; i < 1000; ++i) others += may_be_listed(("n" + std::to_string(i) + ".example.com").c_str());
  EXPECT_LT(others, 50);  // three suffixes each, one false hit in 160 at most
}

}  // namespace
}  // namespace rampart::blocklists
