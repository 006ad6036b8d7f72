#include "control/config_tree.h"

#include <gtest/gtest.h>

namespace rampart::control {
namespace {

struct Tree {
  std::vector<ConfigNodePtr> documents;
  std::vector<Fault> faults;
};

Tree parsed(const std::string& text) {
  Findings findings;
  Tree tree;
  tree.documents = parse_yaml(text, "t.yml", findings);
  tree.faults = findings.take_faults();
  return tree;
}

std::string first_fault(const std::string& text) {
  const auto tree = parsed(text);
  return tree.faults.empty() ? "no fault" : tree.faults[0].to_text();
}

TEST(ConfigTree, ScalarsKeepTheirText) {
  const auto tree = parsed("a: 1.0\nb: yes\nc: 0700\nd: 1:30\ne: 'q'\n");
  ASSERT_EQ(tree.documents.size(), 1u);
  const auto& map = *tree.documents[0];
  EXPECT_EQ(map.find("a")->value->text, "1.0");
  EXPECT_EQ(map.find("b")->value->text, "yes");
  EXPECT_EQ(map.find("c")->value->text, "0700");
  EXPECT_EQ(map.find("d")->value->text, "1:30");
  EXPECT_EQ(map.find("d")->value->place.line, 4);
  EXPECT_EQ(map.find("d")->value->place.column, 4);
  EXPECT_FALSE(map.find("e")->value->is_plain);
}

TEST(ConfigTree, EmptyDocumentsAreLeftOut) {
  EXPECT_TRUE(parsed("").documents.empty());
  EXPECT_TRUE(parsed("# only words\n").documents.empty());
  EXPECT_TRUE(parsed("~\n").documents.empty());
  EXPECT_EQ(parsed("a: 1\n---\n---\nb: 2\n").documents.size(), 2u);
}

TEST(ConfigTree, DuplicateKeyAtAnyDepthIsAFault) {
  EXPECT_EQ(first_fault("a:\n  b: 1\n  b: 2\n"), "t.yml:3:3: b: is already set in line 2; remove one of the two");
  EXPECT_EQ(first_fault("a: {x: 1, x: 1}\n"), "t.yml:1:11: x: is already set in line 1; remove one of the two");
}

TEST(ConfigTree, MergeKeyGivesWhatIsNotThere) {
  const auto tree = parsed("one: &one {a: 1, b: 1}\ntwo: &two {b: 2, c: 2}\nall:\n  <<: [*one, *two]\n  a: 0\n");
  ASSERT_TRUE(tree.faults.empty());
  const auto& all = *tree.documents[0]->find("all")->value;
  EXPECT_EQ(all.find("a")->value->text, "0");
  EXPECT_EQ(all.find("b")->value->text, "1");
  EXPECT_EQ(all.find("c")->value->text, "2");
  EXPECT_EQ(first_fault("a: {<<: 3}\n"), "t.yml:1:9: <<: must be a map or a list of maps, not the value '3'");
}

TEST(ConfigTree, SelfReferenceIsAFault) {
  EXPECT_EQ(first_fault("a: &a [*a]\n"),
            "t.yml:1:8: an alias stands inside the value that its anchor names; such a value has no end");
  EXPECT_NE(first_fault("a: *unknown\n").find("is no valid YAML"), std::string::npos);
}

TEST(ConfigTree, BombOfAliasesIsRefused) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 9; ++i) {
    const std::string last = "*a" + std::to_string(i - 1);
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + last;
    for (int j = 1; j < 10; ++j) text += ", " + last;
    text += "]\n";
  }
  EXPECT_NE(first_fault(text).find("aliases blow the configuration up to more than 1000000 values"), std::string::npos)
      << first_fault(text);
}

TEST(ConfigTree, BombOfMergeKeysIsRefused) {
  std::string text = "base: &b {";
  for (int i = 0; i < 2000; ++i) text += "k" + std::to_string(i) + ": 1, ";
  text += "}\nm: {<<: [";
  for (int i = 0; i < 2000; ++i) text += "*b, ";
  text += "]}\n";
  EXPECT_NE(first_fault(text).find("blow the configuration up"), std::string::npos) << first_fault(text);
}

TEST(ConfigTree, DepthIsBoundedWithAndWithoutAliases) {
  EXPECT_NE(first_fault("a: " + std::string(100, '[') + std::string(100, ']')).find("levels deep"), std::string::npos);
  EXPECT_NE(first_fault("a: " + std::string(100'000, '[')), "no fault");
  std::string text = "a0: &a0 [x]\n";
  for (int i = 1; i < 100; ++i) {
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) + "]\n";
  }
  EXPECT_NE(first_fault(text).find("levels deep"), std::string::npos);
}

TEST(ConfigTree, StrayCommaEndsTheText) {
  EXPECT_EQ(first_fault("{a: 1}, b"), "t.yml:1:7: is no valid YAML: this does not belong here");
  EXPECT_EQ(first_fault(", a"), "t.yml:1:1: is no valid YAML: this does not belong here");
}

TEST(ConfigTree, KeyMustBeText) {
  EXPECT_EQ(first_fault("[a]: 1\n"), "t.yml:1:1: a key must be a plain text, not a list");
}

TEST(ConfigTree, LaterMapMergesAndLaterScalarOrListReplaces) {
  const auto tree = parsed("a: {x: 1, y: [1, 2]}\nb: 1\n---\na: {y: [3], z: 4}\nb: ~\n");
  const auto merged = merge(tree.documents[0], tree.documents[1]);
  const auto& a = *merged->find("a")->value;
  EXPECT_EQ(a.entries.size(), 3u);
  EXPECT_EQ(a.find("y")->value->items.size(), 1u);
  EXPECT_TRUE(merged->find("b")->value->is_null());
}

}  // namespace
}  // namespace rampart::control
