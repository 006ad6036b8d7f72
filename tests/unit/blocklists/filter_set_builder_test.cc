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

std::shared_ptr<CompiledSource> compiled(const std::vector<std::string>& names) {
  SourceCompiler compiler{base::HashKey{}};
  for (const auto& name : names) compiler.add(exact(name));
  return std::make_shared<CompiledSource>(compiler.finish());
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

TEST(FilterSetBuilder, FindsEveryNameOfSourcesInMemoryAndOnDisk) {
  // Large enough for many buckets, overflow, and many pieces of a file.
  const auto first = numbered("a", 300'000);
  const auto second = numbered("b", 100'000);
  const auto one = compiled(first);
  const auto other = compiled(second);
  EXPECT_EQ(other->rule_count(), second.size());
  for (int on_disk = 0; on_disk < 3; ++on_disk) {  // none, one, both
    if (on_disk > 0) {
      ASSERT_TRUE((on_disk == 1 ? one : other)->move_to_disk("").ok());
    }
    auto builder = FilterSetBuilder::create(base::HashKey{}, {"x", "y"});
    EXPECT_EQ(builder->add_source({.group = 0, .action = Action::kDeny}, one), 0);
    EXPECT_EQ(builder->add_source({.group = 1, .action = Action::kDeny}, other), 1);
    EXPECT_EQ(builder->add_source({.group = 0, .action = Action::kAllow}, other), 2);
    const auto set = *builder->build();
    EXPECT_EQ(set->rule_count(), first.size() + second.size());
    EXPECT_EQ(set->sources()[1].entries, second.size());
    for (const auto& name : first) ASSERT_EQ(set->match(folded(name), 3).action, Action::kDeny) << name;
    for (const auto& name : second) {
      ASSERT_EQ(set->match(folded(name), 2).action, Action::kDeny) << name;
      ASSERT_EQ(set->match(folded(name), 3).action, Action::kAllow) << name;
    }
    for (const auto& name : numbered("c", 100'000)) ASSERT_EQ(set->match(folded(name), 3).action, Action::kNone) << name;
    EXPECT_LT(static_cast<double>(set->memory_bytes()) / static_cast<double>(set->rule_count()), 10.0);
  }
}

// Many archives share the memory for buffers, so that each is read in small pieces.
TEST(FilterSetBuilder, ManyOverlappingSourcesOnDiskCountEachNameOnce) {
  auto builder = FilterSetBuilder::create(base::HashKey{}, {"x"});
  constexpr std::size_t kSources = 200;
  for (std::size_t i = 0; i < kSources; ++i) {
    auto names = numbered("a", 3000);
    names.push_back("only" + std::to_string(i) + ".example.org");
    const auto source = compiled(names);
    ASSERT_TRUE(source->move_to_disk("").ok());
    (void)builder->add_source({.group = 0, .action = Action::kDeny}, source);
  }
  const auto set = *builder->build();
  EXPECT_EQ(set->rule_count(), 3000 + kSources);
  for (const auto& name : numbered("a", 3000)) ASSERT_EQ(set->match(folded(name), 1).matches[0].source, 0) << name;
  EXPECT_EQ(set->match(folded("only199.example.org"), 1).matches[0].source, 199);
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
      EXPECT_EQ(hashes.suffix[0], hash_name_text(base::HashKey{}, text).hash) << text;
      EXPECT_EQ(hashes.full.lo, hashes.suffix[0]);
      EXPECT_EQ(hashes.suffix[1], hash_name_text(base::HashKey{}, letters.substr(0, second)).hash) << text;
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
        const std::uint64_t before = hash_name_text(key, label + ".example.org").hash;
        label[octet] = static_cast<char>(label[octet] ^ (1 << random() % 5));
        const std::uint64_t changed = before ^ hash_name_text(key, label + ".example.org").hash;
        for (std::size_t bit = 0; bit < 64; ++bit) flips[bit] += static_cast<int>((changed >> bit) & 1);
      }
      for (const int count : flips) {  // 6.7 standard deviations
        EXPECT_NEAR(count, kRounds / 2, 150) << "length " << length << ", octet " << octet;
      }
    }
  }
}

TEST(SourceCompiler, KnowsItsShortestWildcardOfSeveralLabels) {
  SourceCompiler compiler{base::HashKey{}};
  compiler.add(exact("localhost"));
  compiler.add(exact("example.org"));
  compiler.add(wildcard("zip"));
  EXPECT_GT(compiler.finish().wildcard_labels_min(), dns::kLabelsMax);
  compiler.add(wildcard("a.b.example.org"));
  compiler.add(wildcard("example.org"));
  EXPECT_EQ(compiler.finish().wildcard_labels_min(), 2u);
}

TEST(CompiledSource, MovesAllClassesToDiskAndKeepsTheRest) {
  SourceCompiler compiler{base::HashKey{}};
  for (const auto& name : numbered("n", 10'000)) compiler.add(exact(name));
  for (const auto& name : numbered("w", 5'000)) compiler.add(wildcard(name));
  for (const char* name : {"localhost", "b"}) compiler.add(exact(name));
  compiler.add(wildcard("zip"));
  compiler.add(support::regex("^r"));
  CompiledSource source = compiler.finish();
  const auto values = [&] {
    std::vector<std::pair<std::size_t, std::vector<std::uint64_t>>> all;
    for (const auto& [rule_class, hashes] : source.names()) {
      const std::vector<HashSequence> alone{hashes};
      all.emplace_back().first = rule_class.index();
      for (HashMerge merge(alone); merge.next();) all.back().second.push_back(merge.hash());
      EXPECT_EQ(all.back().second.size(), hashes.count);
    }
    return all;
  };
  const auto before = values();
  EXPECT_EQ(before.size(), 4u);
  EXPECT_EQ(source.rule_count(), 15'004u);
  EXPECT_FALSE(source.is_on_disk());
  for (int i = 0; i < 2; ++i) {  // twice is once
    ASSERT_TRUE(source.move_to_disk("").ok());
    EXPECT_TRUE(source.is_on_disk());
    EXPECT_EQ(values(), before);
    EXPECT_EQ(source.rule_count(), 15'004u);
    EXPECT_EQ(source.wildcard_labels_min(), 3u);
    EXPECT_LT(source.memory_bytes(), 4096u);
  }
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
  EXPECT_EQ(set->match(dns::FoldedName{}, 1).action, Action::kNone);  // the root

  auto wider = FilterSetBuilder::create(base::HashKey{}, {"a"});
  const auto exact_names = compiled({"ads.example.org", "alone"});
  (void)wider->add_source({.name = "1", .group = 0, .action = Action::kDeny}, exact_names);
  const auto zip = wider->add_source({.name = "2", .group = 0, .action = Action::kDeny});
  wider->add(zip, wildcard("zip"));
  const auto both = wider->build().value();
  EXPECT_TRUE(denies(*both, "zip"));
  EXPECT_TRUE(denies(*both, "a.b.c.zip"));
  EXPECT_TRUE(denies(*both, "ads.example.org"));
  EXPECT_FALSE(denies(*both, "x.ads.example.org"));
  EXPECT_TRUE(denies(*both, "alone"));
  EXPECT_FALSE(denies(*both, "not.alone"));
  EXPECT_EQ(both->match(folded("a.b.zip"), 1).matches[0].labels_skipped, 2);
  EXPECT_EQ(both->rule_count(), 3u);
  EXPECT_EQ(both->group_rule_count(0, Action::kDeny), 3u);
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
  const std::vector<std::uint64_t> c{0, 3, ~0ull};
  auto archive = SourceArchive::open("").value();
  ASSERT_TRUE(archive.append(c).ok() && archive.append(a).ok());
  const HashSequence on_disk{.archive = &archive, .first = c.size(), .count = a.size()};
  for (const bool is_on_disk : {false, true}) {
    const auto of_a = is_on_disk ? on_disk : HashSequence::in_memory(a);
    const std::vector<HashSequence> sequences{of_a, {}, HashSequence::in_memory(c), of_a};
    std::string seen;
    HashMerge merge(sequences);
    while (merge.next()) {
      seen += std::to_string(merge.hash()) + ":";
      for (const auto owner : merge.owners()) seen += std::to_string(owner);
      seen += " ";
    }
    EXPECT_EQ(seen, "0:2 1:03 3:023 5:03 18446744073709551615:2 ");
    EXPECT_FALSE(merge.failure());
  }
}

// Behind the first piece, in the middle of one, and at once.
TEST(HashMerge, EndsWithTheReasonWhereAnArchiveCannotBeRead) {
  constexpr std::size_t kPiece = SourceArchive::kPieceHashes;
  std::vector<std::uint64_t> hashes(3 * kPiece);
  for (std::size_t i = 0; i < hashes.size(); ++i) hashes[i] = 2 * i;
  const std::vector<std::uint64_t> memory{1, 3, ~0ull};
  for (const std::size_t readable : {kPiece, 2 * kPiece - 7, std::size_t{0}}) {
    auto archive = SourceArchive::open("").value();
    ASSERT_TRUE(archive.append(std::span(hashes).first(readable)).ok());
    const std::vector<HashSequence> sequences{HashSequence::in_memory(memory),
                                              {.archive = &archive, .first = 0, .count = hashes.size()}};
    HashMerge merge(sequences);
    std::size_t given = 0;
    while (merge.next()) ++given;
    EXPECT_EQ(given, readable == 0 ? 0 : kPiece + 2);
    ASSERT_TRUE(merge.failure());
    EXPECT_EQ(merge.failure()->sequence, 1u);
    EXPECT_NE(merge.failure()->why.find("file ends at octet " + std::to_string(readable * 8)), std::string::npos)
        << merge.failure()->why;
  }
}

}  // namespace
}  // namespace rampart::blocklists
