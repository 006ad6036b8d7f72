// FilterSet against something dumber for what filter_set_test.cc leaves out: address ranges compared bit by bit,
// and
// regexes (asked one by one) beside names and addresses, with all strengths of rules and for some query types only.
#include <gtest/gtest.h>
#include <re2/re2.h>

#include <algorithm>
#include <deque>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "blocklists/filter_set.h"
#include "blocklists/list_parser.h"
#include "dns/presentation.h"
#include "tests/support/filter_world.h"
#include "tests/support/real_lists.h"

namespace rampart::blocklists {
namespace {

struct NaiveRule {
  std::uint8_t group = 0;
  Action list_action{};
  Action action{};  // of the rule
  bool important = false;
  RuleKind kind{};
  std::string text;  // name or regex
  base::IpRange range;
  const char* types = "";  // behind $dnstype=
};

int strength(const NaiveRule& rule) {
  const bool allows = rule.list_action == Action::kAllow || rule.action == Action::kAllow;
  return (rule.important ? 2 : 0) + (allows ? 1 : 0);
}

bool has_same_bits(const base::IpRange& range, const base::IpAddress& address) {
  if (range.base.is_v4() != address.is_v4()) return false;
  for (unsigned bit = 0; bit < range.prefix; ++bit)
    if (((range.base.octets()[bit / 8] ^ address.octets()[bit / 8]) >> (7 - bit % 8) & 1) != 0) return false;
  return true;
}

bool matches(const NaiveRule& rule, const std::string& name) {
  switch (rule.kind) {
    case RuleKind::kExact: return name == rule.text;
    case RuleKind::kWildcard: return name == rule.text || name.ends_with("." + rule.text);
    case RuleKind::kRegex: return re2::RE2::PartialMatch(name, rule.text);
    case RuleKind::kAddress: return false;
  }
  return false;
}

/// The strongest of the rules that match; -1: none.
// By the words of the text, for types whose mnemonics are not parts of one another's.
bool is_for(const NaiveRule& rule, const std::string& type) {
  const std::string words = "|" + std::string(rule.types) + "|";
  if (words == "||") return true;
  if (words.find('~') != std::string::npos) return words.find("|~" + type + "|") == std::string::npos;
  return words.find("|" + type + "|") != std::string::npos;
}

template <class Matches>
int strongest(const std::vector<NaiveRule>& rules, GroupMask groups, Matches matches_it) {
  int best = -1;
  for (const auto& rule : rules)
    if ((groups >> rule.group & 1) != 0 && matches_it(rule)) best = std::max(best, strength(rule));
  return best;
}

Action action_of_strength(int best) {
  return best < 0 ? Action::kNone : best % 2 == 1 ? Action::kAllow : Action::kDeny;
}

std::shared_ptr<const FilterSet> build(const std::vector<NaiveRule>& rules, std::size_t groups) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < groups; ++i) names.push_back(std::string(1, static_cast<char>('a' + i)));
  auto builder = FilterSetBuilder::create(base::HashKey{}, names).value();
  for (const auto& rule : rules) {
    const auto source = builder.add_source({.group = rule.group, .action = rule.list_action});
    Rule one{.action = rule.action, .kind = rule.kind, .important = rule.important};
    if (rule.kind == RuleKind::kRegex) one.regex = rule.text;
    else if (rule.kind == RuleKind::kAddress) one.range = rule.range;
    else one.name = rule.text;
    const auto types = QueryTypes::parse(rule.types);
    if (types) one.types = &*types;
    builder.add(source, one);
  }
  return builder.build().value();
}

NaiveRule random_strength(std::mt19937& random) {
  NaiveRule rule;
  rule.group = static_cast<std::uint8_t>(random() % 3);
  rule.list_action = random() % 3 == 0 ? Action::kAllow : Action::kDeny;
  rule.action = random() % 6 == 0 ? Action::kAllow : Action::kNone;
  rule.important = random() % 6 == 0;
  constexpr const char* kTypes[] = {"", "", "", "A", "AAAA", "AAAA|A", "~A", "~HTTPS|~A", "HTTPS"};
  rule.types = kTypes[random() % std::size(kTypes)];
  return rule;
}

std::string random_type(std::mt19937& random) {
  constexpr const char* kTypes[] = {"A", "AAAA", "HTTPS", "TXT"};
  return kTypes[random() % std::size(kTypes)];
}

TEST(FilterSetKinds, RandomRangesOfBothFamiliesDecideAsTheirBitsDo) {
  const auto seed = std::random_device{}();
  RecordProperty("seed", std::to_string(seed));
  std::mt19937 random(seed);
  // Few bits vary, so that ranges nest and touch.
  const auto address = [&] {
    if (random() % 2 == 0) return base::IpAddress::v4(0xC6336400u | (random() & 0x0300003fu));
    std::uint8_t octets[16] = {0x20, 0x01, 0x0d, 0xb8};
    octets[5] = static_cast<std::uint8_t>(random() % 4);
    octets[15] = static_cast<std::uint8_t>(random() % 64);
    return base::IpAddress::v6(octets);
  };
  for (int round = 0; round < 200; ++round) {
    std::vector<NaiveRule> rules(random() % 12);
    for (auto& rule : rules) {
      rule = random_strength(random);
      rule.kind = RuleKind::kAddress;
      const auto base = address();
      const unsigned bits = base.is_v4() ? 32 : 128;
      rule.range = {base, static_cast<std::uint8_t>(random() % 3 == 0 ? bits : bits - random() % 9)};
      if (random() % 20 == 0) rule.range.prefix = 0;
      rule.range.base = base.masked(rule.range.prefix);
    }
    const auto filter = build(rules, 3);
    for (int i = 0; i < 100; ++i) {
      const auto asked = address();
      const std::string type = random_type(random);
      const GroupMask groups = random() % 8;
      const int best = strongest(rules, groups,
          [&](const NaiveRule& rule) { return has_same_bits(rule.range, asked) && is_for(rule, type); });
      const Verdict verdict = filter->match(asked, groups, *dns::parse_rr_type(type));
      ASSERT_EQ(verdict.action, action_of_strength(best)) << asked.to_string() << " seed " << seed << " round "
          << round;
      for (std::size_t m = 0; m < verdict.match_count; ++m)
        {  // the reported list has such a rule, of that strength
        const NaiveRule& reported = rules[verdict.matches[m].source];
        ASSERT_TRUE(has_same_bits(reported.range, asked) && strength(reported) == best) << "seed " << seed;
        ASSERT_TRUE(is_for(reported, type)) << "seed " << seed;
      }
    }
  }
}

TEST(FilterSetKinds, RegexesBesideNamesOverThreeLetters) {
  const auto seed = std::random_device{}();
  RecordProperty("seed", std::to_string(seed));
  std::mt19937 random(seed);
  const std::vector<std::string> kRegexes = {"^a", "b$", "a.b", "[bc]{2}", "^(a|b)\\.", "c", "^a\\.b\\.c$",
      "\\.b\\."};
  std::vector<std::string> names = {"a", "b", "c"};
  for (std::size_t i = 0; names.size() < 120; ++i)
    for (const char letter : {'a', 'b', 'c'}) names.push_back(std::string(1, letter) + "." + names[i]);
  for (int round = 0; round < 200; ++round) {
    std::vector<NaiveRule> rules(random() % 8);
    for (auto& rule : rules) {
      rule = random_strength(random);
      rule.kind = static_cast<RuleKind>(random() % 3);
      rule.text = rule.kind == RuleKind::kRegex ? kRegexes[random() % kRegexes.size()]
          : names[random() % names.size()];
    }
    const auto filter = build(rules, 3);
    for (const auto& name : names) {
      const GroupMask groups = random() % 8;
      const std::string type = random_type(random);
      const int best = strongest(rules, groups,
          [&](const NaiveRule& rule) { return matches(rule, name) && is_for(rule, type); });
      const Verdict verdict = filter->match(support::folded(name), groups, *dns::parse_rr_type(type));
      ASSERT_EQ(verdict.action, action_of_strength(best)) << name << " seed " << seed << " round " << round;
      for (std::size_t m = 0; m < verdict.match_count; ++m) {
        const NaiveRule& reported = rules[verdict.matches[m].source];
        ASSERT_TRUE(matches(reported, name) && strength(reported) == best) << name << " seed " << seed;
        ASSERT_TRUE(is_for(reported, type)) << name << " " << type << " seed " << seed;
        const auto types = QueryTypes::parse(reported.types);
        const std::string text = types ? "$dnstype=" + types->to_text() : "";
        ASSERT_EQ(filter->types_text(verdict.matches[m].types), text) << seed;
      }
    }
  }
}

TEST(FilterSetKinds, RealRegexesAndAddresses) {
  const auto regexes = support::read_real_list("mmotti-regex-blocky.txt");
  const auto addresses = support::read_real_list("blocklistproject-malware-ip.txt");
  const auto names = support::popular_names();
  if (!regexes || !addresses || names.empty())
    GTEST_SKIP() << "no lists: set RAMPART_DATA_DIR to where the real lists are";
  class Both final : public RuleSink {
   public:
    void add(const Rule& rule) override {
      rules.push_back({0, Action::kDeny, rule.action, rule.important, rule.kind, std::string(rule.regex),
          rule.range, ""});
    }
    std::vector<NaiveRule> rules;
  } sink;
  static_cast<void>(parse_list(*regexes, {}, sink));
  std::deque<re2::RE2> compiled;
  for (const auto& rule : sink.rules) compiled.emplace_back(rule.text);
  static_cast<void>(parse_list(*addresses, {}, sink));
  // All of them in one list, as one group.
  auto builder = FilterSetBuilder::create(base::HashKey{}, {"a"}).value();
  const auto source = builder.add_source({.group = 0, .action = Action::kDeny});
  std::vector<base::IpAddress> listed;  // and the first addresses of ranges
  std::vector<base::IpRange> wider;
  for (const auto& rule : sink.rules) {
    builder.add(source, {.kind = rule.kind, .regex = rule.text, .range = rule.range});
    if (rule.kind != RuleKind::kAddress) continue;
    listed.push_back(rule.range.base);
    if (rule.range.prefix < 32) wider.push_back(rule.range);
  }
  const auto filter = builder.build().value();
  std::size_t blocked = 0;
  for (const auto& name : names) {
    if (!dns::Name::parse(name)) continue;
    const bool expected = std::any_of(compiled.begin(), compiled.end(),
                                      [&](const auto& regex) { return re2::RE2::PartialMatch(name, regex); });
    ASSERT_EQ(filter->match(support::folded(name), 1).action == Action::kDeny, expected) << name;
    blocked += expected ? 1 : 0;
  }
  EXPECT_GT(blocked, 0u);
  std::sort(listed.begin(), listed.end());
  for (std::size_t i = 0; i < listed.size(); i += 7) {
    for (const unsigned flip : {0u, 1u}) {  // the address, and its neighbour
      std::uint32_t value = 0;
      for (const auto octet : listed[i].octets()) value = value << 8 | octet;
      const auto asked = base::IpAddress::v4(value ^ flip);
      const bool expected = std::binary_search(listed.begin(), listed.end(), asked) ||
                            std::any_of(wider.begin(), wider.end(),
                                [&](const auto& r) { return has_same_bits(r, asked); });
      ASSERT_EQ(filter->match(asked, 1).action == Action::kDeny, expected) << asked.to_string();
    }
  }
}

}  // namespace
}  // namespace rampart::blocklists
