#include "control/cache_group_numbers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rampart::control {
namespace {

using ::testing::ElementsAre;

resolver::UpstreamGroup group(std::string name, const std::vector<std::string>& upstreams) {
  resolver::UpstreamGroup group;
  group.name = std::move(name);
  for (const auto& text : upstreams) group.upstreams.push_back(*resolver::parse_upstream(text));
  return group;
}

const auto kDefault = group("default", {"192.0.2.53"});
const auto kKids = group("kids", {"192.0.2.54", "192.0.2.55"});
const auto kWork = group("work", {"192.0.2.53"});

std::vector<std::uint32_t> deal(CacheGroupNumbers& numbers, const std::vector<resolver::UpstreamGroup>& groups) {
  return numbers.deal(groups);
}

TEST(CacheGroupNumbers, AreKeptByGroupsThatStayTheSameWhereverTheyStand) {
  CacheGroupNumbers numbers;
  EXPECT_THAT(deal(numbers, {kDefault, kKids, kWork}), ElementsAre(0u, 1u, 2u)) << "though two ask the same";
  EXPECT_THAT(deal(numbers, {kDefault, kWork}), ElementsAre(0u, 2u));
  auto slower = kWork;
  slower.timeout = std::chrono::seconds(5);
  EXPECT_THAT(deal(numbers, {slower, kDefault}), ElementsAre(2u, 0u)) << "asks the same upstreams";
}

TEST(CacheGroupNumbers, AreNeverGivenAgain) {
  CacheGroupNumbers numbers;
  EXPECT_THAT(deal(numbers, {kDefault, kKids}), ElementsAre(0u, 1u));
  EXPECT_THAT(deal(numbers, {kDefault}), ElementsAre(0u));
  EXPECT_THAT(deal(numbers, {kDefault, kKids}), ElementsAre(0u, 2u)) << "nobody knows what it was meanwhile";
  EXPECT_THAT(deal(numbers, {kDefault, group("kids", {"192.0.2.54"})}), ElementsAre(0u, 3u));
  EXPECT_THAT(deal(numbers, {group("default", {"192.0.2.53:5353"})}), ElementsAre(4u));
}

}  // namespace
}  // namespace rampart::control
