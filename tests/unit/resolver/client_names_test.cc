// Look-ups by the thread itself, against a server on loopback.
#include "resolver/client_names.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "resolver/client_cache.h"
#include "tests/support/fake_upstream.h"

namespace rampart {
namespace {

using namespace std::chrono_literals;
using namespace test;
using resolver::ClientCache;
using resolver::ClientNames;
using resolver::ClientTable;

template <class Condition>
bool await(Condition&& condition, std::chrono::milliseconds patience = 10s) {
  const auto end = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(1ms);
  }
  return true;
}

FakeScript named(std::vector<std::string> names, std::uint32_t ttl = 300) {
  return [names = std::move(names), ttl](const FakeQuery& query) {
    std::vector<AnswerRecord> records;
    for (const auto& name : names) records.push_back({"", dns::RrType::kPtr, ttl, wire_name(name)});
    return std::vector{FakeReply{make_response(query.wire, dns::Rcode::kNoError, records)}};
  };
}

resolver::ClientNamesOptions asking(const FakeUpstream& server) {
  resolver::ClientNamesOptions options;
  options.server = server.spec();
  return options;
}

base::IpAddress client(std::uint32_t number) { return base::IpAddress::v4(0xc0000200u + number); }

/// What a worker does, on the thread of the test.
class AWorker {
 public:
  AWorker(ClientNames& names, std::size_t index) : names_(names), desk_(names.desk(index)), cache_(&desk_) {
    table_.learns_names = true;
  }
  std::string ask(const base::IpAddress& from) {
    cache_.begin_batch();
    const std::string shown = cache_.find(from, table_, base::monotonic_now()).names;
    if (desk_.take_asked()) names_.wake();
    return shown;
  }

 private:
  ClientNames& names_;
  resolver::ClientNameDesk& desk_;
  ClientCache cache_;
  ClientTable table_;
};

TEST(ClientNames, NameComesWithALaterQueryOnEveryWorker) {
  FakeUpstream server(named({"Tablet.example"}));
  ClientNames names(2);
  names.configure(asking(server));
  AWorker first(names, 0), second(names, 1);
  EXPECT_EQ(first.ask(client(7)), "192.0.2.7");
  EXPECT_TRUE(await([&] { return first.ask(client(7)) == "tablet.example"; }));
  EXPECT_EQ(second.ask(client(7)), "tablet.example") << "what one learns all know";
  EXPECT_EQ(server.count(), 1u);
  EXPECT_EQ(server.queries().at(0).name, "7.2.0.192.in-addr.arpa");
}

TEST(ClientNames, NoNameIsRemembered) {
  FakeUpstream server(always_rcode(dns::Rcode::kNxDomain));
  ClientNames names(1);
  names.configure(asking(server));
  AWorker worker(names, 0);
  worker.ask(client(7));
  ASSERT_TRUE(await([&] { return names.counters().nameless.value() == 1; }));
  for (int i = 0; i < 50; ++i) EXPECT_EQ(worker.ask(client(7)), "192.0.2.7");
  EXPECT_EQ(server.count(), 1u);
}

TEST(ClientNames, ServFailAndSilenceAreFailuresNotAnswers) {
  FakeUpstream server(always_rcode(dns::Rcode::kServFail));
  ClientNames names(1);
  names.configure(asking(server));
  AWorker worker(names, 0);
  worker.ask(client(7));
  ASSERT_TRUE(await([&] { return names.counters().failed.value() == 1; }));
  EXPECT_EQ(names.counters().nameless.value(), 0u);
}

TEST(ClientNames, DeadServerIsNotFlooded) {
  FakeUpstream server(never_answer());
  ClientNames names(1);
  names.configure(asking(server));
  AWorker worker(names, 0);
  for (std::uint32_t i = 0; i < 100; ++i) {
    worker.ask(client(i));
    if (i % 50 == 0) {
      ASSERT_TRUE(await([&] { return names.counters().lookups.value() > 0; }));
    }
  }
  ASSERT_TRUE(await([&] { return names.counters().failed.value() >= 32; }));
  for (std::uint32_t i = 0; i < 100; ++i) worker.ask(client(i));
  EXPECT_LE(names.counters().in_flight.value(), 1u);
  // Each look-up is two datagrams.
  EXPECT_LE(server.count(), 2 * (resolver::ClientNameLimits{}.in_flight_max + 2));
}

TEST(ClientNames, OtherServerMeansOtherNames) {
  FakeUpstream one(named({"one.example"})), two(named({"two.example"}));
  ClientNames names(1);
  names.configure(asking(one));
  AWorker worker(names, 0);
  ASSERT_TRUE(await([&] { return worker.ask(client(7)) == "one.example"; }));
  names.configure(asking(two));
  ASSERT_TRUE(await([&] { return worker.ask(client(7)) == "two.example"; }));
  const auto asked = one.count();
  names.configure(asking(two));  // the same: nothing is forgotten
  EXPECT_EQ(worker.ask(client(7)), "two.example");
  EXPECT_EQ(one.count(), asked);
  names.configure({});
  ASSERT_TRUE(await([&] { return worker.ask(client(7)) == "192.0.2.7"; }));
}

TEST(ClientNames, ServerMayBeAHostNameOfTheBootstrapServers) {
  FakeUpstream server(named({"tablet.example"}));
  FakeUpstream bootstrap([](const FakeQuery& query) {
    return std::vector{FakeReply{make_response(query.wire, dns::Rcode::kNoError,
                                               {{"", dns::RrType::kA, 60, a_rdata(127, 0, 0, 1)}})}};
  });
  ClientNames names(1);
  auto options = asking(server);
  options.server->host = "router.example";
  options.bootstrap.servers = {{*base::IpAddress::parse("127.0.0.1"), bootstrap.port()}};
  options.bootstrap.families = resolver::IpFamilies::kV4;
  names.configure(options);
  AWorker worker(names, 0);
  EXPECT_TRUE(await([&] { return worker.ask(client(7)) == "tablet.example"; }));
  EXPECT_EQ(bootstrap.queries().at(0).name, "router.example");
}

TEST(ClientNames, HostileAnswersDoNoHarm) {
  FakeUpstream server([](const FakeQuery& query) {
    Bytes wire = make_response(query.wire, dns::Rcode::kNoError,
                               {{"", dns::RrType::kPtr, 300, Bytes{0xc0, 0xff}},
                                {"", dns::RrType::kPtr, 300, Bytes{63, 'x'}}});
    return std::vector{FakeReply{std::move(wire)}};
  });
  ClientNames names(1);
  names.configure(asking(server));
  AWorker worker(names, 0);
  worker.ask(client(7));
  ASSERT_TRUE(await([&] { return names.counters().failed.value() + names.counters().nameless.value() >= 1; }));
  EXPECT_EQ(worker.ask(client(7)), "192.0.2.7");
}

// Workers on threads of their own, names that change all the time, reloads: for the thread sanitizer.
TEST(ClientNames, ManyWorkersLearnWhileTheServerChanges) {
  FakeUpstream one(named({"one.example"}, 0)), two(named({"two.example"}, 0));
  constexpr std::size_t kWorkers = 3;
  ClientNames names(kWorkers);
  names.configure(asking(one));
  std::atomic<bool> is_over{false};
  std::atomic<int> learned{0};
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < kWorkers; ++i) {
    threads.emplace_back([&, i] {
      AWorker worker(names, i);
      for (std::uint32_t n = 0; !is_over; ++n) {
        const std::string name = worker.ask(client(n % 200));
        if (name == "one.example" || name == "two.example") learned.fetch_add(1);
        if (n % 200 == 0) std::this_thread::yield();
      }
    });
  }
  for (int round = 0; round < 6; ++round) {
    const int before = learned;
    EXPECT_TRUE(await([&] { return learned > before + 100; }));
    names.configure(asking(round % 2 == 0 ? two : one));
  }
  is_over = true;
  for (auto& thread : threads) thread.join();
  names.stop();
}

}  // namespace
}  // namespace rampart
