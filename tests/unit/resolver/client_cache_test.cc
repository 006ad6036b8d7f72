#include "resolver/client_cache.h"

#include <gtest/gtest.h>

#include "resolver/client_name_store.h"
#include "resolver/custom_dns.h"

namespace rampart::resolver {
namespace {

using namespace std::chrono_literals;

class ClientCacheTest : public ::testing::Test {
 protected:
  ClientCacheTest() {
    table.learns_names = true;
    table.default_groups = 1;
    table.groups_by_glob.emplace_back("tablet-*", 2);
    table.static_names.emplace_back(*base::IpAddress::parse("192.0.2.1"), "fixed");
    published.publish(std::make_shared<const ClientNameTable>());
    cache.begin_batch();
  }
  const ClientIdentity& find(const std::string& client) {
    return cache.find(*base::IpAddress::parse(client), table, now);
  }
  std::vector<std::string> requests() {
    std::vector<std::string> all;
    desk.drain([&](const base::IpAddress& client) { all.push_back(client.to_string()); });
    return all;
  }
  void publish(const std::string& client, const std::string& names, std::uint64_t stamp, base::Instant ask_again) {
    auto next = std::make_shared<ClientNameTable>();
    next->append({*base::IpAddress::parse(client), ask_again, stamp, !names.empty(), 0, 0}, names);
    published.publish(std::move(next));
    cache.begin_batch();
  }

  base::Published<ClientNameTable> published;
  ClientNameDesk desk{published};
  ClientCache cache{&desk};
  ClientTable table;
  base::Instant now{1h};
};

TEST_F(ClientCacheTest, FirstQueryGoesByAddressAndLeavesARequest) {
  EXPECT_EQ(find("192.0.2.7").names, "192.0.2.7");
  EXPECT_EQ(find("192.0.2.7").groups, 1u);
  EXPECT_TRUE(desk.take_asked());
  EXPECT_FALSE(desk.take_asked());
  EXPECT_EQ(requests(), (std::vector<std::string>{"192.0.2.7"}));
}

TEST_F(ClientCacheTest, LearnedNameCountsFromTheNextQuery) {
  find("192.0.2.7");
  const auto& neighbour = find("192.0.2.8");
  const char* unchanged = neighbour.names.data();
  publish("192.0.2.7", "tablet-1.lan\nother", 5, now + 100s);
  EXPECT_EQ(find("192.0.2.7").names, "tablet-1.lan\nother");
  EXPECT_EQ(find("192.0.2.7").name_count, 2);
  EXPECT_EQ(find("192.0.2.7").groups, 2u);
  EXPECT_EQ(find("192.0.2.8").names.data(), unchanged) << "others are not worked out again";
}

TEST_F(ClientCacheTest, DueNameIsAskedForAgainAndStaysInUse) {
  find("192.0.2.7");
  publish("192.0.2.7", "tablet-1", 5, now + 100s);
  find("192.0.2.7");
  requests();
  now += 99s;
  find("192.0.2.7");
  EXPECT_TRUE(requests().empty());
  now += 1s;
  EXPECT_EQ(find("192.0.2.7").names, "tablet-1");
  EXPECT_EQ(requests().size(), 1u);
  find("192.0.2.7");
  EXPECT_TRUE(requests().empty()) << "one request, until the pause is over";
  now += ClientCache::kAskPause;
  find("192.0.2.7");
  EXPECT_EQ(requests().size(), 1u);
  publish("192.0.2.7", "laptop", 6, now + 100s);
  EXPECT_EQ(find("192.0.2.7").groups, 1u);
}

TEST_F(ClientCacheTest, NobodyIsLookedUpWithoutNeed) {
  EXPECT_EQ(find("192.0.2.1").names, "fixed");
  EXPECT_TRUE(requests().empty()) << "it has a static name";
  CustomDnsOptions custom;
  custom.mapping = {{*dns::Name::parse("nas.lan"), {*base::IpAddress::parse("192.0.2.3")}}};
  table.custom_dns = std::make_shared<const CustomDns>(base::HashKey{}, custom);
  EXPECT_EQ(find("192.0.2.3").names, "nas.lan");
  publish("192.0.2.3", "tablet-1", 5, now);  // it was asked for before the record was written
  EXPECT_EQ(find("192.0.2.3").names, "nas.lan");
  EXPECT_TRUE(requests().empty()) << "it has a name in customDNS";
  table.learns_names = false;
  cache.clear();
  find("192.0.2.7");
  now += 24h;
  find("192.0.2.7");
  EXPECT_TRUE(requests().empty()) << "no server is configured";
}

TEST_F(ClientCacheTest, FullRingIsCountedAndTheClientComesAgain) {
  for (int i = 0; i < 300; ++i) cache.find(base::IpAddress::v4(0x0a000000u + i), table, now);
  EXPECT_GT(desk.refused(), 0u);
  EXPECT_LT(requests().size(), 300u);
  now += ClientCache::kAskPause;
  for (int i = 0; i < 300; ++i) cache.find(base::IpAddress::v4(0x0a000000u + i), table, now);
  EXPECT_GT(requests().size(), 0u);
}

// Two addresses in one slot: whoever came first in a batch keeps what it was given until the batch is over.
TEST_F(ClientCacheTest, ClientsThatMeetInASlotDoNotShareAnIdentity) {
  const auto first = base::IpAddress::v4(0x0a000001);
  std::vector<base::IpAddress> others;
  for (std::uint32_t i = 2; others.size() < ClientCache::kSpare; ++i)
    if (const auto other = base::IpAddress::v4(0x0a000000u + i); ClientCache::index_of(other) == ClientCache::index_of(first))
      others.push_back(other);
  const ClientIdentity& kept = cache.find(first, table, now);
  std::vector<const ClientIdentity*> given;
  for (const auto& other : others) given.push_back(&cache.find(other, table, now));
  EXPECT_EQ(kept.names, first.to_string());
  for (std::size_t i = 0; i < others.size(); ++i) EXPECT_EQ(given[i]->names, others[i].to_string());
  EXPECT_EQ(&cache.find(first, table, now), &kept);
  cache.begin_batch();
  EXPECT_EQ(&cache.find(others[0], table, now), &kept) << "the slot is free again";
}

}  // namespace
}  // namespace rampart::resolver
