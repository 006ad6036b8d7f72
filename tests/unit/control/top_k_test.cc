#include "control/top_k.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace rampart::control {
namespace {

TEST(TopK, CountsAreExactWhileThereIsRoom) {
  TopK sketch(10);
  for (int i = 0; i < 5; ++i) sketch.add("b");
  sketch.add("a", 5);
  sketch.add("c");
  const auto top = sketch.top(10);
  ASSERT_EQ(top.size(), 3u);
  EXPECT_EQ(top[0].name, "a");  // ties in alphabetical order
  EXPECT_EQ(top[1].name, "b");
  EXPECT_EQ(top[2].count, 1u);
  EXPECT_EQ(top[0].error, 0u);
}

/// The promise of the sketch, against a plain map, for a skewed stream of far more names than it holds.
TEST(TopK, EveryFrequentNameIsInAndErrorsAreBounded) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  constexpr std::size_t kCapacity = 50;
  TopK first(kCapacity), second(kCapacity);
  std::map<std::string, std::uint64_t> truth;
  std::geometric_distribution<int> heavy(0.1);
  std::uniform_int_distribution<int> tail(0, 5000);
  constexpr std::uint64_t kTotal = 40'000;
  for (std::uint64_t i = 0; i < kTotal; ++i) {
    const std::string name = std::to_string(i % 3 == 0 ? 1000 + tail(random) : heavy(random));
    (i % 2 == 0 ? first : second).add(name);
    ++truth[name];
  }
  first.merge(second);
  EXPECT_LE(first.size(), kCapacity);
  std::map<std::string, TopK::Entry> held;
  for (const auto& entry : first.top(kCapacity)) held[entry.name] = entry;
  for (const auto& [name, entry] : held) {
    EXPECT_GE(entry.count, truth[name]) << name;
    EXPECT_LE(entry.count - entry.error, truth[name]) << name;
  }
  for (const auto& [name, count] : truth) {
    if (count > kTotal / kCapacity) {
      EXPECT_TRUE(held.contains(name)) << name << " " << count;
    }
  }
}

TEST(TopK, ShrinkKeepsTheHighestAndGoesOn) {
  TopK sketch(100);
  for (int i = 0; i < 100; ++i) sketch.add("n" + std::to_string(i), static_cast<std::uint64_t>(i + 1));
  sketch.shrink(3);
  ASSERT_EQ(sketch.size(), 3u);
  EXPECT_EQ(sketch.top(1)[0].name, "n99");
  sketch.add("n97", 1000);
  sketch.add("new");
  EXPECT_EQ(sketch.size(), 3u);
  EXPECT_EQ(sketch.top(1)[0].name, "n97");
}

}  // namespace
}  // namespace rampart::control
