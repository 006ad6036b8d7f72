// Reading expectation files; running them is tested end to end (tests/e2e/test_lists.py).
#include "control/policy_test.h"

#include <gtest/gtest.h>

namespace rampart::control {
namespace {

std::string faults_of(const std::string& text) {
  const auto tests = parse_policy_tests(text, "p.yml");
  std::string out;
  if (tests.ok()) return out;
  for (const auto& fault : tests.error()) out += fault.to_text() + "\n";
  return out;
}

TEST(PolicyTests, AWholeExpectation) {
  const auto tests = parse_policy_tests(
      "config: c.yml\nexpectations:\n- {names: [a.example, b.example], groups: [x, y], type: AAAA, at: Mon 21:30, expect: answer, "
      "answer: '::', reason: r}\n",
      "p.yml");
  ASSERT_TRUE(tests.ok());
  EXPECT_EQ(tests->config, "c.yml");
  ASSERT_EQ(tests->expectations.size(), 1u);
  const Expectation& e = tests->expectations[0];
  EXPECT_EQ(e.names, (std::vector<std::string>{"a.example", "b.example"}));
  EXPECT_EQ(e.groups, (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(e.type, 28);
  EXPECT_EQ(e.at->tm_wday, 1);
  EXPECT_EQ(e.outcome, Expectation::Outcome::kAnswer);
  EXPECT_EQ(e.answer, "::");
  EXPECT_EQ(e.reason, "r");
  EXPECT_EQ(e.place.line, 3);
}

TEST(PolicyTests, EveryFaultAtOnceWithItsLine) {
  const std::string faults = faults_of(
      "expectations:\n"
      "- {name: a..b, client: x, expect: blocked}\n"
      "- {name: a.example, client: x, group: y, expect: blocked}\n"
      "- {name: a.example, client: x, type: NOPE, expect: blocked}\n"
      "- {name: a.example, client: x, expect: answer}\n"
      "- text\n"
      "- {client: x}\n");
  for (const char* words : {"p.yml:2", "is no domain name", "p.yml:3", "must say who asks", "p.yml:4", "unknown query type 'NOPE'",
                            "p.yml:5", "return code such as NXDOMAIN", "p.yml:6", "which name is asked", "missing: blocked, allowed or answer"})
    EXPECT_NE(faults.find(words), std::string::npos) << words << " in\n" << faults;
}

TEST(PolicyTests, FilesThatAreNone) {
  EXPECT_NE(faults_of("").find("tests nothing"), std::string::npos);
  EXPECT_NE(faults_of("- a\n").find("write `expectations:`"), std::string::npos);
  EXPECT_NE(faults_of("expectations: {a: b}\n").find("write a list"), std::string::npos);
  EXPECT_NE(faults_of("expectation: []\n").find("is `expectations` meant?"), std::string::npos);
  EXPECT_NE(faults_of("expectations:\n- {name: [[x]], client: {a: b}, at: [1], expect: [blocked]}\n").find("write one value"),
            std::string::npos);
}

TEST(PolicyTests, TheNumberOfExpectationsIsBounded) {
  std::string text = "expectations:\n";
  for (std::size_t i = 0; i <= kExpectationsMax; ++i) text += "- {name: a.example, client: x, expect: blocked}\n";
  EXPECT_NE(faults_of(text).find("split the file"), std::string::npos);
}

}  // namespace
}  // namespace rampart::control
