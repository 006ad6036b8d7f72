// FilterSet against something dumber: sets of strings and a walk over the suffixes of the name. Exhaustively for
// all pairs of rules over a three-letter alphabet, then at random, over made-up and over real lists.
#include "blocklists/filter_set.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "blocklists/list_parser.h"
#include "tests/support/filter_world.h"
#include "tests/support/real_lists.h"

namespace rampart::blocklists {
namespace {

constexpr GroupMask kAll = ~GroupMask{0};

struct NaiveRule {
  std::uint8_t group;
  Action action;
  bool important;
  RuleKind kind;
  std::uint16_t source;
};

/// What the verdict should be, worked out rule by rule.
class NaiveFilter {
 public:
  void add(const std::string& name, NaiveRule rule) { rules_[name].push_back(rule); }

  /// "deny 0:exact:0:2 ..." with group, kind, labels skipped and source of each reported rule.
  [[nodiscard]] std::string decide(const std::string& name, GroupMask groups) const {
    struct Found {
      NaiveRule rule;
      int labels_skipped;
    };
    std::vector<Found> found;
    int labels_skipped = 0;
    for (std::size_t at = 0;; ++labels_skipped) {
      const auto it = rules_.find(name.substr(at));
      if (it != rules_.end()) {
        for (const NaiveRule& rule : it->second) {
          const bool in_groups = (groups >> rule.group & 1) != 0;
          if (in_groups && (rule.kind == RuleKind::kWildcard || labels_skipped == 0)) found.push_back({rule, labels_skipped});
        }
      }
      const std::size_t dot = name.find('.', at);
      if (dot == std::string::npos) break;
      at = dot + 1;
    }
    if (found.empty()) return "none";
    const auto strength = [](const Found& f) { return (f.rule.important ? 2 : 0) + (f.rule.action == Action::kAllow ? 1 : 0); };
    int best = 0;
    for (const Found& f : found) best = std::max(best, strength(f));
    std::erase_if(found, [&](const Found& f) { return strength(f) < best; });
    // For each group: exact first, then the widest wildcard, then the first source.
    std::sort(found.begin(), found.end(), [](const Found& a, const Found& b) {
      return std::tuple(a.rule.group, a.rule.kind, -a.labels_skipped, a.rule.source) <
             std::tuple(b.rule.group, b.rule.kind, -b.labels_skipped, b.rule.source);
    });
    std::string text = best % 2 == 1 ? "allow" : "deny";
    for (std::size_t i = 0; i < found.size(); ++i) {
      if (i > 0 && found[i].rule.group == found[i - 1].rule.group) continue;
      text += describe_rule(found[i].rule.group, found[i].rule.kind, found[i].labels_skipped, found[i].rule.source);
    }
    return text;
  }

  static std::string describe(const Verdict& verdict) {
    if (verdict.action == Action::kNone) return "none";
    std::string text = verdict.action == Action::kAllow ? "allow" : "deny";
    for (int i = 0; i < verdict.match_count; ++i) {
      const RuleMatch& match = verdict.matches[static_cast<std::size_t>(i)];
      text += describe_rule(match.group, match.kind, match.labels_skipped, match.source);
    }
    return text;
  }

 private:
  static std::string describe_rule(int group, RuleKind kind, int labels_skipped, int source) {
    return " " + std::to_string(group) + (kind == RuleKind::kExact ? ":exact:" : ":wildcard:") +
           std::to_string(labels_skipped) + ":" + std::to_string(source);
  }
  std::map<std::string, std::vector<NaiveRule>> rules_;
};

/// The same rules for both.
class Pair {
 public:
  explicit Pair(std::vector<std::string> groups)
      : builder_(FilterSetBuilder::create(base::HashKey{}, std::move(groups)).value()) {}

  FilterSetBuilder::SourceId add_source(std::uint8_t group, Action action) {
    sources_.push_back({.group = group, .action = action});
    return builder_.add_source(sources_.back());
  }
  void add(FilterSetBuilder::SourceId source, const Rule& rule) {
    const Action action = rule.action == Action::kAllow ? Action::kAllow : sources_[source].action;
    naive_.add(std::string(rule.name), {sources_[source].group, action, rule.important, rule.kind, source});
    builder_.add(source, rule);
  }
  void build() { set_ = builder_.build().value(); }

  [[nodiscard]] bool agree(const std::string& name, GroupMask groups) const {
    const std::string expected = naive_.decide(name, groups);
    const std::string actual = NaiveFilter::describe(set_->match(support::folded(name), groups));
    EXPECT_EQ(actual, expected) << name << " for groups " << groups;
    return actual == expected;
  }

 private:
  FilterSetBuilder builder_;
  std::vector<SourceInfo> sources_;
  NaiveFilter naive_;
  std::shared_ptr<const FilterSet> set_;
};

std::vector<std::string> all_names(int depth_max) {
  std::vector<std::string> names;
  std::vector<std::string> level{""};
  for (int depth = 0; depth < depth_max; ++depth) {
    std::vector<std::string> next;
    for (const auto& parent : level) {
      for (const char letter : {'a', 'b', 'c'}) next.push_back(parent.empty() ? std::string(1, letter) : std::string{letter} + "." + parent);
    }
    names.insert(names.end(), next.begin(), next.end());
    level = std::move(next);
  }
  return names;
}

TEST(FilterSetProperty, AllPairsOfRulesOverThreeLettersAndThreeLabels) {
  const auto names = all_names(3);
  ASSERT_EQ(names.size(), 39u);
  struct Choice {
    std::string name;
    RuleKind kind;
    Action action;
  };
  std::vector<Choice> choices;
  for (const auto& name : names) {
    for (const RuleKind kind : {RuleKind::kExact, RuleKind::kWildcard}) {
      for (const Action action : {Action::kDeny, Action::kAllow}) choices.push_back({name, kind, action});
    }
  }
  for (const Choice& one : choices) {
    for (const Choice& other : choices) {
      Pair pair({"x", "y"});
      const auto first = pair.add_source(0, one.action);
      pair.add(first, {.kind = one.kind, .name = one.name});
      const auto second = pair.add_source(1, other.action);
      pair.add(second, {.kind = other.kind, .name = other.name});
      pair.build();
      for (const auto& name : names) ASSERT_TRUE(pair.agree(name, kAll)) << one.name << " and " << other.name;
    }
  }
}

TEST(FilterSetProperty, RandomRuleSetsOverThreeLetters) {
  const auto seed = std::random_device{}();
  RecordProperty("seed", std::to_string(seed));
  std::mt19937 random(seed);
  const auto names = all_names(4);
  for (int round = 0; round < 300; ++round) {
    Pair pair({"a", "b", "c", "d", "e"});
    const std::size_t sources = 1 + random() % 12;
    for (std::size_t i = 0; i < sources; ++i) {
      const auto source = pair.add_source(static_cast<std::uint8_t>(random() % 5), random() % 3 == 0 ? Action::kAllow : Action::kDeny);
      for (std::size_t rules = random() % 10; rules > 0; --rules) {
        pair.add(source, {.action = random() % 8 == 0 ? Action::kAllow : Action::kNone,
                          .kind = random() % 2 == 0 ? RuleKind::kExact : RuleKind::kWildcard,
                          .important = random() % 8 == 0,
                          .name = names[random() % names.size()]});
      }
    }
    pair.build();
    for (const auto& name : names) {
      ASSERT_TRUE(pair.agree(name, kAll)) << "seed " << seed << ", round " << round;
      ASSERT_TRUE(pair.agree(name, random() % 32)) << "seed " << seed << ", round " << round;
    }
  }
}

TEST(FilterSetProperty, RealLists) {
  struct List {
    const char* file;
    std::uint8_t group;
    Action action;
  };
  constexpr List kLists[] = {{"stevenblack-hosts.txt", 0, Action::kDeny},     {"hagezi-light-wildcard.txt", 1, Action::kDeny},
                             {"oisd-small-wildcard.txt", 2, Action::kDeny},   {"oisd-small-abp.txt", 3, Action::kDeny},
                             {"anudeepnd-allow.txt", 3, Action::kAllow},      {"anudeepnd-allow-optional.txt", 0, Action::kAllow},
                             {"stevenblack-hosts.txt", 2, Action::kDeny}};
  class Both final : public RuleSink {
   public:
    Both(Pair& pair, std::vector<std::string>& names, FilterSetBuilder::SourceId source) : pair_(pair), names_(names), source_(source) {}
    void add(const Rule& rule) override {
      if (rule.kind != RuleKind::kExact && rule.kind != RuleKind::kWildcard) return;
      pair_.add(source_, rule);
      names_.emplace_back(rule.name);
    }

   private:
    Pair& pair_;
    std::vector<std::string>& names_;
    FilterSetBuilder::SourceId source_;
  };

  const auto seed = std::random_device{}();
  RecordProperty("seed", std::to_string(seed));
  std::mt19937 random(seed);
  Pair pair({"a", "b", "c", "d"});
  std::vector<std::string> names = support::popular_names();
  for (const List& list : kLists) {
    const auto text = support::read_real_list(list.file);
    if (!text) GTEST_SKIP() << list.file << " is not there: set RAMPART_DATA_DIR to where the real lists are";
    Both sink(pair, names, pair.add_source(list.group, list.action));
    const auto statistics = parse_list(*text, {}, sink);
    EXPECT_EQ(statistics.error_count, 0u) << list.file << ": " << statistics.errors[0].text;
  }
  pair.build();
  for (int i = 0; i < 400'000; ++i) {
    std::string name = names[random() % names.size()];
    const std::size_t dot = name.find('.');
    switch (random() % 6) {
      case 0:
        name = "x" + std::to_string(random() % 100) + "." + name;
        break;
      case 1:
        if (dot != std::string::npos) name = name.substr(dot + 1);
        break;
      case 2:
        name = "x" + name;
        break;
      case 3:
        name += random() % 2 == 0 ? "x" : ".com";
        break;
      default:
        break;
    }
    if (!dns::Name::parse(name)) continue;  // grew too long
    ASSERT_TRUE(pair.agree(name, random() % 16)) << "seed " << seed;
  }
}

}  // namespace
}  // namespace rampart::blocklists
