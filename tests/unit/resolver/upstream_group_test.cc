#include "resolver/upstream_group.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <vector>

namespace rampart::resolver {
namespace {

using namespace std::chrono_literals;

TEST(UpstreamWeight, Is60WithoutAnErrorAndGrowsByTheMinuteAfterOne) {
  EXPECT_EQ(upstream_weight(std::nullopt), 60u);
  EXPECT_EQ(upstream_weight(0s), 1u);
  EXPECT_EQ(upstream_weight(59s), 1u);
  EXPECT_EQ(upstream_weight(119s), 1u);
  EXPECT_EQ(upstream_weight(120s), 2u);
  EXPECT_EQ(upstream_weight(59min + 59s), 59u);
  EXPECT_EQ(upstream_weight(1h), 60u);
  EXPECT_EQ(upstream_weight(300h), 60u);
  EXPECT_EQ(upstream_weight(-5s), 1u);
}

// 60000 draws: the standard deviation of a share p is sqrt(p(1-p)/60000) < 0.0021; five of them are allowed.
TEST(ChooseByWeight, DrawsInProportion) {
  base::SecureRandom random;
  const std::array<std::uint32_t, 4> weights = {60, 60, 1, 30};
  std::array<int, 4> drawn{};
  constexpr int kDraws = 60000;
  for (int i = 0; i < kDraws; ++i) ++drawn[*choose_by_weight(weights, 0, random)];
  for (std::size_t i = 0; i < 4; ++i)
    EXPECT_NEAR(drawn[i] / double{kDraws}, weights[i] / 151.0, 0.0105) << i;
}

TEST(ChooseByWeight, DrawsASecondWithoutReplacement) {
  base::SecureRandom random;
  const std::array<std::uint32_t, 3> weights = {60, 60, 1};
  constexpr int kDraws = 60000;
  int third = 0;
  for (int i = 0; i < kDraws; ++i) {
    const std::size_t first = *choose_by_weight(weights, 0, random);
    const std::size_t second = *choose_by_weight(weights, std::uint64_t{1} << first, random);
    ASSERT_NE(first, second);
    third += first == 2 || second == 2;
  }
  // first: 1/121; else second: 120/121 * 1/61.
  EXPECT_NEAR(third / double{kDraws}, 1 / 121.0 + 120 / 121.0 / 61.0, 0.004);
}

TEST(ChooseByWeight, KnowsWhenNoneIsLeft) {
  base::SecureRandom random;
  const std::array<std::uint32_t, 2> weights = {1, 60};
  for (int i = 0; i < 100; ++i) EXPECT_EQ(choose_by_weight(weights, 0b10, random), 0u);
  EXPECT_EQ(choose_by_weight(weights, 0b11, random), std::nullopt);
  EXPECT_EQ(choose_by_weight({}, 0, random), std::nullopt);
}

TEST(ChooseByWeight, WorksAtTheBound) {
  base::SecureRandom random;
  const std::vector<std::uint32_t> weights(kUpstreamsPerGroupMax, kWeightMax);
  std::uint64_t excluded = 0;
  for (std::size_t i = 0; i < kUpstreamsPerGroupMax; ++i) {
    const auto choice = choose_by_weight(weights, excluded, random);
    ASSERT_TRUE(choice);
    ASSERT_FALSE(excluded >> *choice & 1);
    excluded |= std::uint64_t{1} << *choice;
  }
  EXPECT_EQ(excluded, ~std::uint64_t{0});
  EXPECT_EQ(choose_by_weight(weights, excluded, random), std::nullopt);
}

TEST(ChooseInOrder, TakesTheFirstThatIsUp) {
  EXPECT_EQ(choose_in_order(3, 0b000, 0b000), 0u);
  EXPECT_EQ(choose_in_order(3, 0b001, 0b000), 1u);
  EXPECT_EQ(choose_in_order(3, 0b000, 0b001), 1u);
  EXPECT_EQ(choose_in_order(3, 0b010, 0b001), 2u);
}

TEST(ChooseInOrder, TakesThoseThatAreDownAtLast) {
  EXPECT_EQ(choose_in_order(3, 0b000, 0b111), 0u);
  EXPECT_EQ(choose_in_order(3, 0b110, 0b001), 0u);
  EXPECT_EQ(choose_in_order(3, 0b111, 0b001), std::nullopt);
  EXPECT_EQ(choose_in_order(64, ~std::uint64_t{0} >> 1, 0), 63u);
}

}  // namespace
}  // namespace rampart::resolver
