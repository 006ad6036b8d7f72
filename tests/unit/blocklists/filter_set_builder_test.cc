#include "blocklists/filter_set_builder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

#include "base/random.h"
#include "blocklists/hash_merge.h"
#include "blocklists/name_table.h"
#include "blocklists/source_archive.h"
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

NameHashes hashes_of(const std::string& text) {
  NameHashes hashes;
  hash_suffixes(base::HashKey{}, folded(text), hashes);
  return hashes;
}

// Labels are read in steps of 16 octets, by one way from rules and by another from names.
TEST(SourceCompiler, RuleTextHashesLikeAQueryNameWhateverTheLengthOfItsLabels) {
  const std::string letters = "abcdefghijklmnopqrstuvwxyz0123456789-abcdefghijklmnopqrstuvwxyz0";
  for (std::size_t first = 1; first <= 63; ++first) {
    for (const std::size_t second : {std::size_t{1}, std::size_t{8}, std::size_t{16}, std::size_t{17}, 64 - first}) {
      const std::string text = letters.substr(0, first) + "." + letters.substr(0, second);
      const NameHashes hashes = hashes_of(text);
      EXPECT_EQ(hashes.suffix[0], hash_name_text(base::HashKey{}, text)) << text;
      EXPECT_EQ(hashes.full.lo, hashes.suffix[0]);
      EXPECT_EQ(hashes.suffix[1], hash_name_text(base::HashKey{}, letters.substr(0, second))) << text;
    }
  }
}

// What stands behind a label in memory must not count, nor may labels that begin alike, or be cut differently, meet.
TEST(SourceCompiler, NamesThatDifferLittleHaveDifferentHashes) {
  std::set<std::uint64_t> seen;
  std::size_t names = 0;
  for (std::size_t length = 1; length <= 63; ++length) {
    for (const char fill : {'a', 'b', '0'}) {
      for (std::size_t changed = 0; changed < length; ++changed) {
        std::string label(length, fill);
        label[changed] = 'x';
        seen.insert(hashes_of(label + ".org").suffix[0]);
        ++names;
      }
    }
  }
  for (std::size_t dot = 1; dot < 40; ++dot) {
    seen.insert(hashes_of(std::string(dot, 'c') + "." + std::string(40 - dot, 'c')).suffix[0]);
    ++names;
  }
  // The label "x" comes with each fill.
  EXPECT_EQ(seen.size(), names - 2);
}

// The filter takes its bits from all over the hash: over all keys, each must change with an octet of a name, or not, as
// a coin falls.
TEST(SourceCompiler, EveryBitOfAHashDependsOnEveryBitOfALabel) {
  std::mt19937_64 random(7);
  constexpr int kRounds = 2000;
  for (const std::size_t length : {std::size_t{3}, std::size_t{8}, std::size_t{12}, std::size_t{16}, std::size_t{30}}) {
    for (std::size_t octet = 0; octet < length; ++octet) {
      std::array<int, 64> flips{};
      for (int round = 0; round < kRounds; ++round) {
        std::string label(length, ' ');
        for (char& c : label) c = static_cast<char>('a' + random() % 26);
        const base::HashKey key{random(), random(), random()};
        const std::uint64_t before = hash_name_text(key, label + ".example.org");
        label[octet] = static_cast<char>(label[octet] ^ (1 << random() % 5));
        const std::uint64_t changed = before ^ hash_name_text(key, label + ".example.org");
        for (std::size_t bit = 0; bit < 64; ++bit) flips[bit] += static_cast<int>((changed >> bit) & 1);
      }
      for (const int count : flips) {  // 6.7 standard deviations
        EXPECT_NEAR(count, kRounds / 2, 150) << "length " << length << ", octet " << octet;
      }
    }
  }
}

TEST(SourceCompiler, KnowsItsShortestWildcardAlsoFromAnArchive) {
  SourceCompiler compiler{base::HashKey{}};
  compiler.add(exact("localhost"));
  CompiledSource none = compiler.finish();
  EXPECT_GT(none.wildcard_labels_min(), dns::kLabelsMax);
  compiler.add(wildcard("a.b.example.org"));
  compiler.add(wildcard("example.org"));
  const CompiledSource source = compiler.finish();
  EXPECT_EQ(source.wildcard_labels_min(), 2u);
  EXPECT_EQ(SourceArchive::write(source, "/tmp").value().read().value().wildcard_labels_min(), 2u);
  compiler.add(wildcard("zip"));
  EXPECT_EQ(compiler.finish().wildcard_labels_min(), 1u);
}

TEST(FilterSet, AWildcardForATopLevelDomainHoldsBesideLongerOnes) {
  auto builder = FilterSetBuilder::create(base::HashKey{}, {"a"});
  const auto list = builder->add_source({.name = "list", .group = 0, .action = Action::kDeny});
  const auto denies = [](const FilterSet& set, const char* name) { return set.match(folded(name), 1).action == Action::kDeny; };
  builder->add(list, wildcard("ads.example.org"));
  builder->add(list, exact("localhost"));
  const auto set = builder->build().value();
  EXPECT_TRUE(denies(*set, "localhost"));
  EXPECT_TRUE(denies(*set, "ads.example.org"));
  EXPECT_TRUE(denies(*set, "x.y.ads.example.org"));
  EXPECT_FALSE(denies(*set, "example.org"));
  EXPECT_FALSE(denies(*set, "a.localhost"));
  EXPECT_FALSE(denies(*set, "com"));

  auto wider = FilterSetBuilder::create(base::HashKey{}, {"a"});
  (void)wider->add_source({.name = "1", .group = 0, .action = Action::kDeny}, compiled({"ads.example.org"}));
  const auto zip = wider->add_source({.name = "2", .group = 0, .action = Action::kDeny});
  wider->add(zip, wildcard("zip"));
  const auto both = wider->build().value();
  EXPECT_TRUE(denies(*both, "zip"));
  EXPECT_TRUE(denies(*both, "a.b.c.zip"));
  EXPECT_TRUE(denies(*both, "ads.example.org"));
  EXPECT_FALSE(denies(*both, "x.ads.example.org"));
}

TEST(NameTable, FilterLetsAtMostOneIn140UnlistedNamesPassAndTheTableNone) {
  std::mt19937_64 random(11);
  std::vector<std::uint64_t> hashes(300'000);
  for (auto& hash : hashes) hash = random();
  std::sort(hashes.begin(), hashes.end());
  NameTable table(hashes.size());
  for (const auto hash : hashes) table.append(hash, 1);
  for (const auto hash : hashes) ASSERT_TRUE(table.may_contain(hash) && table.find(hash) == 1);
  constexpr int kAsked = 2'000'000;
  int passed = 0;
  for (int i = 0; i < kAsked; ++i) {
    const std::uint64_t hash = random();
    passed += table.may_contain(hash);
    ASSERT_EQ(table.find(hash), 0u);
  }
  EXPECT_LT(passed, kAsked / 140);
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
