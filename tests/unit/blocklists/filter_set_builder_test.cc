#include "blocklists/filter_set_builder.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "blocklists/hash_merge.h"
#include "tests/support/filter_world.h"

namespace rampart::blocklists {
namespace {

using support::exact;
using support::folded;
using support::wildcard;

std::vector<std::string> numbered(const std::string& prefix, std::size_t count) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) names.push_back(prefix + std::to_string(i) + ".example.org");
  return names;
}

CompiledSource compiled(const std::vector<std::string>& names) {
  SourceCompiler compiler{base::HashKey{}};
  for (const auto& name : names) compiler.add(exact(name));
  return compiler.finish();
}

TEST(FilterSetBuilder, MoreThan64GroupsAreAnError) {
  std::vector<std::string> groups;
  for (int i = 0; i < 64; ++i) groups.push_back(std::to_string(i));
  groups.push_back("0");  // twice the same is one
  EXPECT_TRUE(FilterSetBuilder::create(base::HashKey{}, groups).ok());
  groups.push_back("one too many");
  const auto builder = FilterSetBuilder::create(base::HashKey{}, groups);
  ASSERT_FALSE(builder.ok());
  EXPECT_NE(builder.error().find("65 list groups"), std::string::npos) << builder.error();
}

TEST(FilterSetBuilder, MoreThan65535SourcesAreAnError) {
  auto builder = FilterSetBuilder::create(base::HashKey{}, {"g"});
  const auto empty = std::make_shared<const CompiledSource>();
  for (int i = 0; i < 65536; ++i) (void)builder->add_source({.group = 0, .action = Action::kDeny}, empty);
  EXPECT_FALSE(builder->build().ok());
}

TEST(FilterSetBuilder, TooManyRegexesAreAnError) {
  auto builder = FilterSetBuilder::create(base::HashKey{}, {"g"});
  const auto source = builder->add_source({.group = 0, .action = Action::kDeny});
  for (std::size_t i = 0; i <= FilterSetBuilder::kRegexesMax; ++i) {
    const std::string pattern = "x" + std::to_string(i);
    builder->add(source, support::regex(pattern));
  }
  const auto built = builder->build();
  ASSERT_FALSE(built.ok());
  EXPECT_NE(built.error().find("20001 different regexes"), std::string::npos) << built.error();
}

TEST(FilterSetBuilder, FindsEveryNameOfOwnedAndSharedSources) {
  // Large enough for many buckets, overflow, and the give-back of memory on the way.
  const auto first = numbered("a", 300'000);
  const auto second = numbered("b", 100'000);
  auto shared = std::make_shared<const CompiledSource>(compiled(second));
  EXPECT_EQ(shared->rule_count(), second.size());
  for (int round = 0; round < 2; ++round) {  // what is shared can be used again
    auto builder = FilterSetBuilder::create(base::HashKey{}, {"x", "y"});
    EXPECT_EQ(builder->add_source({.group = 0, .action = Action::kDeny}, compiled(first)), 0);
    EXPECT_EQ(builder->add_source({.group = 1, .action = Action::kDeny}, shared), 1);
    EXPECT_EQ(builder->add_source({.group = 0, .action = Action::kAllow}, shared), 2);
    const auto set = *builder->build();
    EXPECT_EQ(set->rule_count(), first.size() + second.size());
    for (const auto& name : first) ASSERT_EQ(set->match(folded(name), 3).action, Action::kDeny) << name;
    for (const auto& name : second) {
      ASSERT_EQ(set->match(folded(name), 2).action, Action::kDeny) << name;
      ASSERT_EQ(set->match(folded(name), 3).action, Action::kAllow) << name;
    }
    for (const auto& name : numbered("c", 100'000)) ASSERT_EQ(set->match(folded(name), 3).action, Action::kNone) << name;
    EXPECT_LT(static_cast<double>(set->memory_bytes()) / static_cast<double>(set->rule_count()), 10.0);
  }
}

TEST(FilterSetBuilder, UnknownGroupHasNoIndex) {
  auto builder = FilterSetBuilder::create(base::HashKey{}, {"b", "a"});
  EXPECT_EQ(builder->group_index("a"), 0);
  EXPECT_EQ(builder->group_index("b"), 1);
  EXPECT_EQ(builder->group_index("c"), std::nullopt);
}

TEST(SourceCompiler, SortsAndRemovesDuplicatesOfEachClass) {
  SourceCompiler compiler{base::HashKey{}};
  for (int round = 0; round < 3; ++round) {
    for (const auto& name : numbered("n", 70'000)) compiler.add(exact(name));
    compiler.add(wildcard("n1.example.org"));
  }
  const CompiledSource source = compiler.finish();
  EXPECT_EQ(source.rule_count(), 70'001u);
  const auto& hashes = source.hashes(RuleClass{}.index());
  EXPECT_EQ(hashes.size(), 70'000u);
  EXPECT_TRUE(std::is_sorted(hashes.begin(), hashes.end()));
  EXPECT_LT(source.memory_bytes(), 70'001 * 8 + 3 * 4096u);
  EXPECT_EQ(compiler.finish().rule_count(), 0u);
}

TEST(SourceCompiler, RuleTextHashesLikeAQueryName) {
  for (const char* text : {"org", "example.org", "a-very-long-label-indeed.with.many.labels.example.org"}) {
    NameHashes hashes;
    hash_suffixes(base::HashKey{}, folded(text), hashes);
    EXPECT_EQ(hashes.suffix[0], hash_name_text(base::HashKey{}, text));
    EXPECT_EQ(hashes.full.lo, hashes.suffix[0]);
  }
}

TEST(HashMerge, GivesEachHashOnceWithItsOwners) {
  const std::vector<std::uint64_t> a{1, 3, 5};
  const std::vector<std::uint64_t> b{};
  const std::vector<std::uint64_t> c{0, 3, ~0ull};
  const std::vector<std::span<const std::uint64_t>> arrays{a, b, c, a};
  std::string seen;
  for (HashMerge merge(arrays); merge.next();) {
    seen += std::to_string(merge.hash()) + ":";
    for (const auto owner : merge.owners()) seen += std::to_string(owner);
    seen += " ";
  }
  EXPECT_EQ(seen, "0:2 1:03 3:023 5:03 18446744073709551615:2 ");
}

}  // namespace
}  // namespace rampart::blocklists
