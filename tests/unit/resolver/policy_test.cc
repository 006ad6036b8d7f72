#include "resolver/policy.h"

#include <gtest/gtest.h>

namespace rampart::resolver {
namespace {

using Names = std::vector<std::string>;

const base::IpAddress kClient = *base::IpAddress::parse("192.0.2.7");

ClientTable table() {
  ClientTable table;
  table.default_groups = 1;
  table.rules.push_back({*base::IpRange::parse("192.0.2.0/28"), 2});
  table.groups_by_name["laptop"] = 4;
  table.groups_by_glob.emplace_back("tv[12]*", 8);
  table.groups_by_glob.emplace_back("198.51.100.*", 16);
  return table;
}

TEST(ClientTable, GroupsOfAddressAndNamesAddUp) {
  EXPECT_EQ(table().identify(kClient, std::nullopt).groups, 2u);
  EXPECT_EQ(table().identify(kClient, Names{"Laptop"}).groups, 6u);
  EXPECT_EQ(table().identify(kClient, Names{"tv2-kitchen", "laptop"}).groups, 14u);
  EXPECT_EQ(table().identify(*base::IpAddress::parse("203.0.113.1"), Names{"unheard"}).groups, 1u);
}

TEST(ClientTable, StaticNamesComeBeforeLearnedOnes) {
  ClientTable named = table();
  named.static_names.emplace_back(kClient, "laptop");
  EXPECT_EQ(named.identify(kClient, Names{"tv1"}).names, "laptop");
  EXPECT_TRUE(named.has_static_name(kClient));
  EXPECT_FALSE(named.has_static_name(*base::IpAddress::parse("192.0.2.8")));
}

TEST(ClientTable, ClientIdComesBeforeStaticNamesAndKeepsTheRulesOfTheAddress) {
  ClientTable named = table();
  named.static_names.emplace_back(kClient, "laptop");
  const auto identity = named.identify_as(kClient, {"TV1"});
  EXPECT_EQ(identity.names, "TV1");
  EXPECT_EQ(identity.groups, 10u);
}

TEST(ClientTable, AddressIsTheNameOfANamelessClientAlsoToPatterns) {
  const auto identity = table().identify(*base::IpAddress::parse("198.51.100.9"), std::nullopt);
  EXPECT_EQ(identity.names, "198.51.100.9");
  EXPECT_EQ(identity.name_count, 1);
  EXPECT_EQ(identity.groups, 16u);
}

TEST(ClientTable, ClientWithoutAnyNameIsShownByItsAddressAndMatchesNoPattern) {
  const auto identity = table().identify(*base::IpAddress::parse("198.51.100.9"), Names{});
  EXPECT_EQ(identity.names, "198.51.100.9");
  EXPECT_EQ(identity.groups, 1u);
}

TEST(ClientTable, NumberOfNamesIsBounded) {
  const auto identity = table().identify(kClient, Names(40, "x"));
  EXPECT_EQ(identity.name_count, kClientNamesMax);
  EXPECT_EQ(identity.names.size(), 2 * kClientNamesMax - 1);
}

}  // namespace
}  // namespace rampart::resolver
