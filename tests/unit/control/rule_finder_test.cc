// The finder against decisions of a real filter: whatever a verdict names must be found on a line that says so.
#include "control/rule_finder.h"

#include <gtest/gtest.h>

#include "control/policy_trial.h"

namespace rampart::control {
namespace {

Config config_of(std::vector<std::pair<std::string, std::string>> denylists, std::vector<std::pair<std::string,
    std::string>> allowlists = {}) {
  Config config;
  config.upstreams.groups["default"] = {};
  Blocking::ClientGroups everybody;
  everybody.clients = {parse_client_identifier("default")};
  for (auto& [group, text] : denylists) {
    config.blocking.denylists[group].push_back({blocklists::SourceKind::kInline, text});
    everybody.groups.push_back(group);
  }
  for (auto& [group, text] : allowlists) {
    config.blocking.allowlists[group].push_back({blocklists::SourceKind::kInline, text});
    everybody.groups.push_back(group);
  }
  config.blocking.client_groups_block.push_back(everybody);
  return config;
}

class Trial {
 public:
  explicit Trial(Config config) : trial_(PolicyTrial::create(std::move(config), DownloadMode::kNone,
      progress_).value()) {}
  /// "group action rule line" of each rule, located.
  std::string rules(const std::string& name, std::uint16_t type = 1) {
    auto report = trial_->decide({name, type, *base::IpAddress::parse("192.0.2.1"), {}}, std::tm{}).value();
    trial_->locate(report.rules);
    std::string text;
    for (const auto& rule : report.rules)
      text += (text.empty() ? "" : ", ") + rule.group + " " + rule.action + " " + rule.rule + " "
          + std::to_string(rule.line);
    return text;
  }
  PolicyTrial& operator*() { return *trial_; }

 private:
  Progress progress_{-1};
  std::unique_ptr<PolicyTrial> trial_;
};

TEST(RuleFinder, FindsEveryKindOfRule) {
  Trial trial(config_of({{"a", "# c\n0.0.0.0 x.example y.example\n*.wide.example\n/^re[0-9]/\n||abp.example^\n"}}));
  EXPECT_EQ(trial.rules("y.example"), "a deny y.example 2");
  EXPECT_EQ(trial.rules("Deep.Below.Wide.Example"), "a deny *.wide.example 3");
  EXPECT_EQ(trial.rules("re7.example.org"), "a deny /^re[0-9]/ 4");
  EXPECT_EQ(trial.rules("www.abp.example"), "a deny *.abp.example 5");
  EXPECT_EQ(trial.rules("other.example"), "");
}

TEST(RuleFinder, OneRuleForEachGroupAndTheFirstLineOfDuplicates) {
  Trial trial(config_of({{"a", "x.example\nx.example\n"}, {"b", "\n\n*.x.example\n"}}));
  EXPECT_EQ(trial.rules("x.example"), "a deny x.example 1, b deny *.x.example 3");
}

TEST(RuleFinder, AnExceptionIsNotTakenForTheBlockOfTheSameName) {
  Trial trial(config_of({{"a", "||x.example^\n@@||x.example^\n"}}));
  EXPECT_EQ(trial.rules("x.example"), "a allow *.x.example 2");
}

TEST(RuleFinder, TheImportantLineIsTheOneThatWins) {
  Trial trial(config_of({{"a", "||x.example^\n@@||x.example^\n||x.example^$important\n"}}));
  EXPECT_EQ(trial.rules("x.example"), "a deny *.x.example 3");
}

TEST(RuleFinder, ARuleForSomeTypesIsNotTakenForOneOfOthers) {
  const std::string rule = "||x.example^$dnstype=";
  Trial trial(config_of({{"a", rule + "A\n" + rule + "AAAA|HTTPS\n" + rule + "~A\n"}}));
  EXPECT_EQ(trial.rules("x.example", 1), "a deny *.x.example$dnstype=A 1");
  EXPECT_EQ(trial.rules("x.example", 28), "a deny *.x.example$dnstype=AAAA|HTTPS 2");
  EXPECT_EQ(trial.rules("x.example", 16), "a deny *.x.example$dnstype=~A 3");
}

TEST(RuleFinder, AllowlistsAllowWithEveryLine) {
  Trial trial(config_of({{"a", "x.example\n"}}, {{"a", "\nx.example\n"}}));
  EXPECT_EQ(trial.rules("x.example"), "a allow x.example 2");
}

TEST(RuleFinder, AnAllowlistOnlyGroupHasNoRuleToShow) {
  Trial trial(config_of({}, {{"a", "x.example\n"}}));
  EXPECT_EQ(trial.rules("y.example"), "");
}

TEST(RuleFinder, SaysWhyThereIsNoLine) {
  std::vector<DecidingRule> rules(1);
  rules[0].list = "https://lists.example.org/a";
  rules[0].group = "a";
  const ListEntry download{"a", blocklists::Action::kDeny, {blocklists::SourceKind::kHttp,
      "https://lists.example.org/a"}};
  locate(rules, {download}, "", {});
  EXPECT_NE(rules[0].note.find("cachePath"), std::string::npos);
  rules[0].note.clear();
  locate(rules, {}, "", {});
  EXPECT_NE(rules[0].note.find("exchanged"), std::string::npos);

  rules[0].list = "x.example";
  rules[0].note.clear();
  rules[0].action = "deny";
  rules[0].wanted = "gone.example";
  locate(rules, {{"a", blocklists::Action::kDeny, {blocklists::SourceKind::kInline, "x.example"}}}, "", {});
  EXPECT_NE(rules[0].note.find("no longer"), std::string::npos);
  EXPECT_EQ(rules[0].line, 0u);
}

TEST(PolicyTrial, AClientByNameByGroupAndByAddress) {
  Config config = config_of({{"a", "x.example\n"}, {"b", "y.example\n"}});
  config.blocking.client_groups_block.push_back({{parse_client_identifier("tablet-*")}, {"b"}});
  config.client_lookup.clients["known"] = {*base::IpAddress::parse("192.0.2.9")};
  Trial trial(config);
  EXPECT_EQ((*trial).client("192.0.2.3").to_string(), "192.0.2.3");
  EXPECT_EQ((*trial).client("KNOWN").to_string(), "192.0.2.9");
  const auto tablet = (*trial).client("tablet-7");
  EXPECT_EQ((*trial).client("Tablet-7"), tablet);
  EXPECT_EQ((*trial).decide({"x.example", 1, tablet, {}}, std::tm{})->groups, std::vector<std::string>{"b"});
  const auto group = (*trial).client_of_groups({"a"});
  ASSERT_TRUE(group.ok());
  EXPECT_EQ((*trial).decide({"x.example", 1, *group, {}}, std::tm{})->groups, std::vector<std::string>{"a"});
  EXPECT_NE((*trial).client_of_groups({"c"}).error().find("known: a, b"), std::string::npos);
  EXPECT_FALSE((*trial).decide({std::string(300, 'x'), 1, tablet, {}}, std::tm{}).ok());
}

}  // namespace
}  // namespace rampart::control
