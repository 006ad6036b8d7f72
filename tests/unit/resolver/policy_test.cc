#include "resolver/policy.h"

#include <gtest/gtest.h>

#include "resolver/client_name_store.h"
#include "resolver/custom_dns.h"
#include "resolver/hosts_names.h"

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
  EXPECT_TRUE(named.is_named_here(kClient));
  EXPECT_FALSE(named.is_named_here(*base::IpAddress::parse("192.0.2.8")));
}

/// kClient is `nas` and `backup` by customDNS; by the hosts file it is `other`, and its neighbour `printer`.
ClientTable table_with_records() {
  const base::HashKey key{};
  CustomDnsOptions custom;
  custom.mapping = {{*dns::Name::parse("nas.lan"), {kClient}}, {*dns::Name::parse("backup.lan"), {kClient}}};
  HostsNamesBuilder hosts(key, 60, false);
  dns::HostsTextReader reader(0, [&](const dns::HostsLine& line) { return hosts.add(line); });
  EXPECT_TRUE(reader.feed("192.0.2.7 other.lan\n192.0.2.8 printer.lan\n") && reader.finish());
  ClientTable named = table();
  named.groups_by_name["printer.lan"] = 32;
  named.custom_dns = std::make_shared<const CustomDns>(key, custom);
  named.hosts = hosts.build();
  return named;
}

TEST(ClientTable, RecordsOfOurOwnNameClientsBetweenStaticAndLearnedNames) {
  ClientTable named = table_with_records();
  const base::IpAddress neighbour = *base::IpAddress::parse("192.0.2.8");
  const base::IpAddress stranger = *base::IpAddress::parse("192.0.2.9");
  EXPECT_EQ(named.identify(kClient, Names{"tv1"}).names, "nas.lan\nbackup.lan");
  EXPECT_EQ(named.identify(neighbour, Names{"tv1"}).names, "printer.lan");
  EXPECT_EQ(named.identify(neighbour, Names{"tv1"}).groups, 34u);
  EXPECT_EQ(named.identify(stranger, Names{"tv1"}).names, "tv1");
  EXPECT_TRUE(named.is_named_here(neighbour));
  EXPECT_FALSE(named.is_named_here(stranger));
  named.static_names.emplace_back(kClient, "laptop");
  EXPECT_EQ(named.identify(kClient, Names{"tv1"}).names, "laptop");
}

TEST(ClientTable, TheOrderPicksOneOfTheNamesInRecords) {
  ClientTable named = table_with_records();
  named.single_name_order = {3, 2, 1};
  EXPECT_EQ(named.identify(kClient, std::nullopt).names, "backup.lan");
  named.single_name_order = {3};
  EXPECT_EQ(named.identify(kClient, Names{"tv1"}).names, "192.0.2.7") << "no such number: no name";
  EXPECT_EQ(named.identify(kClient, Names{"tv1"}).groups, 2u);
  named.static_names.emplace_back(kClient, "laptop");
  EXPECT_EQ(named.identify(kClient, std::nullopt).names, "laptop") << "the order is not for names that were given";
}

TEST(ClientTable, NamesOfAClientAreBoundedInOctets) {
  const auto identity = table().identify(kClient, Names(10, std::string(250, 'x')));
  EXPECT_EQ(identity.name_count, 4);
  EXPECT_LE(identity.names.size(), kClientNamesBytesMax);
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
