#include "resolver/cares_channel.h"

#include <gtest/gtest.h>

#include "resolver/upstream.h"
#include "tests/support/forward_world.h"

namespace rampart {
namespace {

using namespace std::chrono_literals;
using namespace test;
using resolver::ForwardOutcome;
using resolver::HostAddresses;
using resolver::HostNames;
using resolver::IpFamilies;

Bytes loopback_v6() {
  Bytes octets(16, 0);
  octets[15] = 1;
  return octets;
}

/// A bootstrap server: everything is at loopback, and loopback is called host.example.org.
FakeScript all_at_loopback() {
  return [](const FakeQuery& query) {
    switch (query.qtype) {
      case dns::RrType::kA:
        return std::vector{FakeReply{make_response(query.wire, dns::Rcode::kNoError, {{"", dns::RrType::kA, 120, a_rdata(127, 0, 0, 1)}})}};
      case dns::RrType::kAaaa:
        return std::vector{FakeReply{make_response(query.wire, dns::Rcode::kNoError, {{"", dns::RrType::kAaaa, 90, loopback_v6()}})}};
      default:
        return std::vector{FakeReply{make_response(query.wire, dns::Rcode::kNoError,
                                                   {{"", dns::RrType::kPtr, 60, wire_name("Host.Example.org")},
                                                    {"", dns::RrType::kPtr, 60, wire_name("other.example.org")}})}};
    }
  };
}

base::IpEndpoint at(const FakeUpstream& server) { return {*base::IpAddress::parse("127.0.0.1"), server.port()}; }

class CaresChannelTest : public ::testing::Test {
 protected:
  template <class Condition>
  bool run_until(Condition&& condition) {
    const auto end = base::monotonic_now() + 10s;
    while (!condition() && base::monotonic_now() < end) io.run_one_for(20ms);
    return condition();
  }
  boost::asio::io_context io{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{io.get_executor()};
  resolver::DeadlineTimer timer{io};
};

TEST_F(CaresChannelTest, FindsAddressesOfBothFamiliesWithTheSmallerTtl) {
  FakeUpstream server(all_at_loopback());
  resolver::CaresChannel channel(io, timer, {at(server)});
  std::optional<HostAddresses> found;
  channel.addresses("dns.example.org", IpFamilies::kDual, [&](HostAddresses result) { found = std::move(result); });
  ASSERT_TRUE(run_until([&] { return found.has_value(); }));
  EXPECT_EQ(found->ips.size(), 2u);
  EXPECT_EQ(found->ttl, 90s);
  EXPECT_EQ(found->error, "");
}

TEST_F(CaresChannelTest, KeepsToOneFamily) {
  FakeUpstream server(all_at_loopback());
  resolver::CaresChannel channel(io, timer, {at(server)});
  for (const auto families : {IpFamilies::kV4, IpFamilies::kV6}) {
    std::optional<HostAddresses> found;
    channel.addresses("dns.example.org", families, [&](HostAddresses result) { found = std::move(result); });
    ASSERT_TRUE(run_until([&] { return found.has_value(); }));
    ASSERT_EQ(found->ips.size(), 1u);
    EXPECT_EQ(found->ips[0].is_v4(), families == IpFamilies::kV4);
  }
}

TEST_F(CaresChannelTest, FindsNamesInOrder) {
  FakeUpstream server(all_at_loopback());
  resolver::CaresChannel channel(io, timer, {at(server)});
  std::optional<HostNames> found;
  channel.names(*base::IpAddress::parse("192.0.2.7"), [&](HostNames result) { found = std::move(result); });
  ASSERT_TRUE(run_until([&] { return found.has_value(); }));
  EXPECT_EQ(found->names, (std::vector<std::string>{"host.example.org", "other.example.org"}));
  EXPECT_EQ(server.queries().at(0).name, "7.2.0.192.in-addr.arpa");
  found.reset();
  channel.names(*base::IpAddress::parse("2001:db8::1"), [&](HostNames result) { found = std::move(result); });
  ASSERT_TRUE(run_until([&] { return found.has_value(); }));
  EXPECT_EQ(server.queries().at(1).name, "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
}

TEST_F(CaresChannelTest, NamesHaveATtlAndABound) {
  FakeUpstream server([](const FakeQuery& query) {
    std::vector<AnswerRecord> records;
    for (std::uint32_t i = 0; i < 20; ++i)
      records.push_back({"", dns::RrType::kPtr, 100 + i, wire_name("n" + std::to_string(i) + ".example.org")});
    return std::vector{FakeReply{make_response(query.wire, dns::Rcode::kNoError, records)}};
  });
  resolver::CaresChannel channel(io, timer, {at(server)});
  std::optional<HostNames> found;
  channel.names(*base::IpAddress::parse("192.0.2.7"), [&](HostNames result) { found = std::move(result); });
  ASSERT_TRUE(run_until([&] { return found.has_value(); }));
  EXPECT_EQ(found->names.size(), resolver::kHostNamesMax);
  EXPECT_EQ(found->ttl, 100s);
}

TEST_F(CaresChannelTest, TellsNoNameFromNoAnswer) {
  FakeUpstream server(always_rcode(dns::Rcode::kNxDomain));
  resolver::CaresChannel channel(io, timer, {at(server)});
  for (const auto& [rcode, is_failure] : {std::pair{dns::Rcode::kNxDomain, false}, {dns::Rcode::kNoError, false},
                                          {dns::Rcode::kServFail, true}, {dns::Rcode::kRefused, true}}) {
    server.set_script(always_rcode(rcode));
    std::optional<HostNames> found;
    channel.names(*base::IpAddress::parse("192.0.2.7"), [&](HostNames result) { found = std::move(result); });
    ASSERT_TRUE(run_until([&] { return found.has_value(); }));
    EXPECT_TRUE(found->names.empty());
    EXPECT_EQ(found->is_failure, is_failure) << static_cast<int>(rcode);
    EXPECT_NE(found->error, "");
  }
}

TEST_F(CaresChannelTest, SaysWhyThereIsNoAnswer) {
  FakeUpstream server(always_rcode(dns::Rcode::kNxDomain));
  resolver::CaresChannel channel(io, timer, {at(server)});
  std::optional<HostAddresses> found;
  channel.addresses("missing.example.org", IpFamilies::kDual, [&](HostAddresses result) { found = std::move(result); });
  ASSERT_TRUE(run_until([&] { return found.has_value(); }));
  EXPECT_TRUE(found->ips.empty());
  EXPECT_NE(found->error, "");
}

TEST_F(CaresChannelTest, MayGoWithLookUpsUnderWay) {
  FakeUpstream server(never_answer());
  bool is_called = false;
  {
    resolver::CaresChannel channel(io, timer, {at(server)});
    channel.addresses("dns.example.org", IpFamilies::kDual, [&](const HostAddresses&) { is_called = true; });
    channel.names(*base::IpAddress::parse("192.0.2.7"), [&](const HostNames&) { is_called = true; });
    ASSERT_TRUE(server.wait_for(1));
  }
  io.poll();
  EXPECT_FALSE(is_called);
}

void use_named(ForwardWorld& world, const FakeUpstream& upstream, const FakeUpstream& bootstrap) {
  auto set = std::make_shared<resolver::UpstreamSet>();
  resolver::UpstreamSpec spec = upstream.spec();
  spec.host = "dns.example.org";
  set->groups.push_back({"default", resolver::UpstreamStrategy::kParallelBest, 400ms, {spec}});
  set->bootstrap.servers = {at(bootstrap)};
  set->bootstrap.families = IpFamilies::kV4;
  world.forwarder.adopt(std::move(set));
}

TEST(UpstreamHostName, IsResolvedByTheBootstrapServersWhileTheQuestionWaits) {
  FakeUpstream upstream(always_answer(5));
  FakeUpstream bootstrap([](const FakeQuery& query) {
    FakeReply reply = all_at_loopback()(query)[0];
    return std::vector{after(50ms, reply)};
  });
  ForwardWorld world;
  use_named(world, upstream, bootstrap);
  Asked& asked = world.ask_and_wait("www.example.org");
  EXPECT_EQ(asked.last_octet(), 5);
  EXPECT_EQ(asked.upstream, "tcp+udp:dns.example.org:" + std::to_string(upstream.port()));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(world.ask_and_wait(std::to_string(i) + ".example.org").last_octet(), 5);
  EXPECT_EQ(bootstrap.count(), 1u) << "looked up once, not for each query";
}

TEST(UpstreamHostName, FailsWithinTheDeadlineIfNobodyKnowsIt) {
  FakeUpstream upstream(always_answer(5));
  FakeUpstream bootstrap(never_answer());
  ForwardWorld world;
  use_named(world, upstream, bootstrap);
  Asked& asked = world.ask_and_wait("www.example.org");
  EXPECT_EQ(asked.outcome, ForwardOutcome::kTimeout);
  EXPECT_LT(asked.took, 800ms);
  FakeUpstream denying(always_rcode(dns::Rcode::kNxDomain));
  use_named(world, upstream, denying);
  EXPECT_EQ(world.ask_and_wait("www.example.org").outcome, ForwardOutcome::kNetworkError);
  EXPECT_EQ(world.counters.host_failures.value(), 1u);
}

TEST(UpstreamHostName, KeepsSocketsOfAddressesThatStay) {
  resolver::UpstreamSpec spec{resolver::UpstreamProtocol::kClassic, "dns.example.org", 53, {}, {}, {}, {}};
  resolver::Upstream upstream(spec);
  EXPECT_TRUE(upstream.has_host_name());
  const auto a = *base::IpAddress::parse("192.0.2.1");
  const auto b = *base::IpAddress::parse("192.0.2.2");
  const auto c = *base::IpAddress::parse("192.0.2.3");
  upstream.set_addresses({a, b});
  const resolver::UpstreamAddress* kept = upstream.addresses[1].get();
  upstream.set_addresses({b, c});
  ASSERT_EQ(upstream.addresses.size(), 2u);
  EXPECT_EQ(upstream.addresses[0].get(), kept);
}

}  // namespace
}  // namespace rampart
