#include "resolver/client_name_store.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace rampart::resolver {
namespace {

using namespace std::chrono_literals;

base::IpAddress client(std::uint32_t number) { return base::IpAddress::v4(0x0a000000u + number); }

HostNames names(std::vector<std::string> list, base::Duration ttl = 300s) { return {std::move(list), ttl, false, {}}; }
HostNames none() { return {{}, {}, false, "no name"}; }
HostNames failure() { return {{}, {}, true, "timeout"}; }

class ClientNameStoreTest : public ::testing::Test {
 protected:
  void learn(ClientNameStore& store, std::uint32_t number, const HostNames& found) {
    store.request(client(number), now);
    const auto next = store.next();
    ASSERT_TRUE(next);
    ASSERT_EQ(*next, client(number));
    store.finish(*next, found, now);
  }
  static std::string shown(ClientNameStore& store, std::uint32_t number) {
    const auto table = store.table();
    const auto* entry = table->find(client(number));
    if (entry == nullptr) return "(unknown)";
    return entry->is_named ? std::string(table->names(*entry)) : "(address)";
  }
  static std::uint64_t stamp(ClientNameStore& store, std::uint32_t number) {
    return store.table()->find(client(number))->stamp;
  }

  base::Instant now{1h};
};

TEST_F(ClientNameStoreTest, NamesAreFoundInTheTable) {
  ClientNameStore store;
  EXPECT_EQ(shown(store, 1), "(unknown)");
  learn(store, 2, names({"b.example"}));
  learn(store, 1, names({"a.example", "other.example"}));
  learn(store, 3, none());
  EXPECT_TRUE(store.has_news());
  EXPECT_EQ(shown(store, 1), "a.example\nother.example");
  EXPECT_FALSE(store.has_news());
  EXPECT_EQ(shown(store, 2), "b.example");
  EXPECT_EQ(shown(store, 3), "(address)");
  EXPECT_EQ(store.counters().known.value(), 3u);
  EXPECT_EQ(store.counters().named.value(), 2u);
  EXPECT_EQ(store.counters().nameless.value(), 1u);
}

TEST_F(ClientNameStoreTest, OneLookUpForAllWhoAsk) {
  ClientNameStore store;
  for (int i = 0; i < 3; ++i) store.request(client(1), now);
  ASSERT_TRUE(store.next());
  store.request(client(1), now);
  EXPECT_FALSE(store.next());
  store.finish(client(1), names({"a.example"}), now);
  store.request(client(1), now);
  EXPECT_FALSE(store.next()) << "its TTL has not passed";
  now += 300s;
  store.request(client(1), now);
  EXPECT_TRUE(store.next());
}

TEST_F(ClientNameStoreTest, TtlIsClamped) {
  ClientNameStore store;
  learn(store, 1, names({"a.example"}, 0s));
  learn(store, 2, names({"b.example"}, std::chrono::hours(1000)));
  learn(store, 3, none());
  learn(store, 4, failure());
  const auto table = store.table();
  EXPECT_EQ(table->find(client(1))->ask_again, now + kClientNameTtlMin);
  EXPECT_EQ(table->find(client(2))->ask_again, now + kClientNameTtlMax);
  EXPECT_EQ(table->find(client(3))->ask_again, now + kClientNameNegativeTtl);
  EXPECT_EQ(table->find(client(4))->ask_again, now + kClientNameFailurePause);
}

TEST_F(ClientNameStoreTest, StampChangesWithTheNamesOnly) {
  ClientNameStore store;
  learn(store, 1, names({"a.example"}));
  const auto first = stamp(store, 1);
  now += 1h;
  learn(store, 1, names({"a.example"}));
  EXPECT_EQ(stamp(store, 1), first);
  now += 1h;
  learn(store, 1, names({"b.example"}));
  EXPECT_NE(stamp(store, 1), first);
}

TEST_F(ClientNameStoreTest, NamesOutliveADeadServerForAWhile) {
  ClientNameStore store;
  learn(store, 1, names({"a.example"}));
  now += 300s;
  learn(store, 1, failure());
  EXPECT_EQ(shown(store, 1), "a.example");
  now += kClientNameKeepMax;
  learn(store, 1, failure());
  EXPECT_EQ(shown(store, 1), "(address)");
  learn(store, 2, names({"b.example"}));
  now += 300s;
  learn(store, 2, none());
  EXPECT_EQ(shown(store, 2), "(address)") << "the server says that the name is gone";
}

TEST_F(ClientNameStoreTest, SingleNameOrderIsBlockys) {
  ClientNameStore store;
  store.reset({3, 2});
  learn(store, 1, names({"a", "b", "c"}));
  learn(store, 2, names({"a", "b"}));
  learn(store, 3, names({"a"}));
  learn(store, 4, none());
  EXPECT_EQ(shown(store, 1), "c");
  EXPECT_EQ(shown(store, 2), "b");
  EXPECT_EQ(shown(store, 3), "") << "no number in range: no name at all";
  EXPECT_EQ(shown(store, 4), "");
  store.reset({0, 1});
  learn(store, 4, none());
  EXPECT_EQ(shown(store, 4), "(address)") << "the address is the first and only name";
  learn(store, 1, names({"a", "b"}));
  EXPECT_EQ(shown(store, 1), "a");
}

TEST_F(ClientNameStoreTest, LookUpsUnderWayAreBounded) {
  ClientNameStore store({.in_flight_max = 2});
  for (std::uint32_t i = 0; i < 5; ++i) store.request(client(i), now);
  EXPECT_TRUE(store.next());
  EXPECT_TRUE(store.next());
  EXPECT_FALSE(store.next());
  EXPECT_EQ(store.counters().in_flight.value(), 2u);
  store.finish(client(0), none(), now);
  EXPECT_TRUE(store.next());
  EXPECT_FALSE(store.next());
}

TEST_F(ClientNameStoreTest, QueueIsBoundedAndCounted) {
  ClientNameStore store({.waiting_max = 3});
  for (std::uint32_t i = 0; i < 5; ++i) store.request(client(i), now);
  EXPECT_EQ(store.counters().waiting_full.value(), 2u);
  int started = 0;
  while (store.next()) ++started;
  EXPECT_EQ(started, 3);
}

TEST_F(ClientNameStoreTest, MemoryIsBoundedAndTheLongestUnusedGoes) {
  ClientNameStore store({.clients_max = 3});
  for (std::uint32_t i = 1; i <= 3; ++i) learn(store, i, names({"n" + std::to_string(i)}));
  store.request(client(1), now);  // still there
  learn(store, 4, names({"n4"}));
  EXPECT_EQ(store.counters().evicted.value(), 1u);
  EXPECT_EQ(store.table()->size(), 3u);
  EXPECT_EQ(shown(store, 1), "n1");
  EXPECT_EQ(shown(store, 2), "(unknown)");
}

TEST_F(ClientNameStoreTest, NamesOfOneClientAreBounded) {
  ClientNameStore store;
  learn(store, 1, names(std::vector<std::string>(16, std::string(200, 'x'))));
  EXPECT_LE(shown(store, 1).size(), kClientNamesBytesMax);
  EXPECT_GE(shown(store, 1).size(), kClientNamesBytesMax - 201);
  EXPECT_EQ(store.counters().names_cut.value(), 1u);
}

TEST_F(ClientNameStoreTest, SilentServerIsAskedOneQuestionAtATime) {
  ClientNameStore store({.in_flight_max = 8, .failures_in_row = 3});
  for (std::uint32_t i = 0; i < 20; ++i) store.request(client(i), now);
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(store.next());
  for (std::uint32_t i = 0; i < 8; ++i) store.finish(client(i), failure(), now);
  EXPECT_TRUE(store.is_server_silent());
  const auto probe = store.next();
  ASSERT_TRUE(probe);
  EXPECT_FALSE(store.next());
  for (std::uint32_t i = 0; i < 8; ++i) store.request(client(i), now);
  store.finish(*probe, names({"back.example"}), now);
  EXPECT_FALSE(store.is_server_silent());
  int started = 0;
  while (store.next()) ++started;
  EXPECT_EQ(started, 8) << "those that failed wait for their pause";
}

TEST_F(ClientNameStoreTest, LateAnswersOfAForgottenChannelAreIgnored) {
  ClientNameStore store;
  store.request(client(1), now);
  ASSERT_TRUE(store.next());
  store.abandon_look_ups();
  store.finish(client(1), names({"late.example"}), now);
  EXPECT_EQ(shown(store, 1), "(unknown)");
  learn(store, 1, names({"a.example"}));
  EXPECT_EQ(store.counters().in_flight.value(), 0u);
}

}  // namespace
}  // namespace rampart::resolver
