#include "control/client_hosts.h"

#include <gtest/gtest.h>

#include "tests/support/messages.h"

namespace rampart::control {
namespace {

using namespace std::chrono_literals;

base::IpAddress ip(const char* text) { return *base::IpAddress::parse(text); }
HostAnswer at(std::vector<base::IpAddress> addresses, base::Duration ttl = 300s) {
  return {false, std::move(addresses), ttl};
}

class ClientHostsTest : public ::testing::Test {
 protected:
  struct Asked {
    std::string host;
    dns::RrType type;
    ClientHosts::Reply reply;
  };
  bool tick() {
    return hosts.tick(now, [this](const std::string& host, dns::RrType type, ClientHosts::Reply reply) {
      asked.push_back({host, type, std::move(reply)});
    });
  }
  /// Answers all that was asked, A with `v4` and AAAA with nothing, and takes the answers in.
  bool answer_all(const std::vector<base::IpAddress>& v4, base::Duration ttl = 300s) {
    for (auto& one : asked) one.reply(one.type == dns::RrType::kA ? at(v4, ttl) : at({}));
    asked.clear();
    return tick();
  }
  ClientHosts hosts;
  std::vector<Asked> asked;
  base::Instant now{1h};
};

TEST(ClientHostNames, AreTheIdentifiersWithADot) {
  Blocking blocking;
  blocking.client_groups_block = {{parse_client_identifiers("laptop,PC.example.org"), {"ads"}},
                                  {parse_client_identifiers("default,192.0.2.0/24,*.lan,bad..name"), {"ads"}},
                                  {parse_client_identifiers("192.168.1.300,10.0.0.0/33,127.0.0.1/24 "), {"ads"}}};
  EXPECT_EQ(client_hosts(blocking), (std::vector<std::string>{"pc.example.org"}));
}

TEST_F(ClientHostsTest, BothFamiliesAreAskedAndKept) {
  hosts.adopt({"pc.example.org"});
  EXPECT_FALSE(tick());
  ASSERT_EQ(asked.size(), 2u);
  EXPECT_EQ(asked[0].type, dns::RrType::kA);
  EXPECT_EQ(asked[1].type, dns::RrType::kAaaa);
  asked[0].reply(at({ip("192.0.2.7")}));
  EXPECT_TRUE(tick());
  asked[1].reply(at({ip("2001:db8::7")}));
  EXPECT_TRUE(tick());
  EXPECT_EQ(hosts.addresses().at("pc.example.org"), (std::vector{ip("192.0.2.7"), ip("2001:db8::7")}));
  EXPECT_EQ(asked.size(), 2u);
}

TEST_F(ClientHostsTest, AreLookedUpAgainWhenTheTtlEnds) {
  hosts.adopt({"pc.example.org"});
  tick();
  EXPECT_TRUE(answer_all({ip("192.0.2.7")}, 100s));
  now += 99s;
  tick();
  EXPECT_EQ(asked.size(), 1u) << "AAAA, after the time for negative answers";
  EXPECT_FALSE(answer_all({}));
  now += 1s;
  tick();
  ASSERT_EQ(asked.size(), 1u);
  EXPECT_FALSE(answer_all({ip("192.0.2.7")}, 100s)) << "the same: nothing to publish";
  now += 100s;
  tick();
  EXPECT_TRUE(answer_all({ip("192.0.2.8")}));
  EXPECT_EQ(hosts.addresses().at("pc.example.org"), (std::vector{ip("192.0.2.8")}));
}

TEST_F(ClientHostsTest, FailureKeepsTheLastGoodAddressesAndIsRetried) {
  hosts.adopt({"pc.example.org"});
  tick();
  for (auto& one : asked) one.reply({true, {}, {}});
  asked.clear();
  EXPECT_FALSE(tick());
  EXPECT_EQ(hosts.failures(), 2u);
  now += ClientHosts::kFailurePause;
  tick();
  ASSERT_EQ(asked.size(), 2u) << "a first failure is not the last word";
  EXPECT_TRUE(answer_all({ip("192.0.2.7")}, 10s));
  now += 10s;
  tick();
  ASSERT_EQ(asked.size(), 1u);
  asked[0].reply({true, {}, {}});
  EXPECT_FALSE(tick());
  EXPECT_EQ(hosts.addresses().at("pc.example.org"), (std::vector{ip("192.0.2.7")}));
}

TEST_F(ClientHostsTest, NameThatIsGoneMatchesNobody) {
  hosts.adopt({"pc.example.org"});
  tick();
  EXPECT_TRUE(answer_all({ip("192.0.2.7")}, 10s));
  now += 10s;
  tick();
  EXPECT_TRUE(answer_all({}));
  EXPECT_TRUE(hosts.addresses().empty());
}

TEST_F(ClientHostsTest, LookUpsUnderWayAreBounded) {
  std::vector<std::string> many;
  for (int i = 0; i < 40; ++i) many.push_back("h" + std::to_string(i) + ".example.org");
  hosts.adopt(many);
  tick();
  EXPECT_EQ(asked.size(), ClientHosts::kInFlightMax);
  tick();
  EXPECT_EQ(asked.size(), ClientHosts::kInFlightMax);
  int rounds = 0;
  while (!asked.empty() && ++rounds < 20) answer_all({ip("192.0.2.7")});
  EXPECT_EQ(hosts.look_ups(), 80u);
  EXPECT_EQ(hosts.addresses().size(), 40u);
}

TEST_F(ClientHostsTest, AddressesOfOneNameAreBounded) {
  hosts.adopt({"pc.example.org"});
  tick();
  std::vector<base::IpAddress> many;
  for (std::uint32_t i = 0; i < 500; ++i) many.push_back(base::IpAddress::v4(0xc0000200u + i));
  answer_all(many);
  EXPECT_EQ(hosts.addresses().at("pc.example.org").size(), ClientHosts::kAddressesMax);
  EXPECT_EQ(hosts.addresses_cut(), 1u);
}

TEST_F(ClientHostsTest, LostLookUpIsGivenUpAndItsLateAnswerIgnored) {
  hosts.adopt({"pc.example.org"});
  tick();
  auto late = std::move(asked[0]);
  asked.clear();
  now += ClientHosts::kAnswerMax;
  tick();
  EXPECT_EQ(hosts.failures(), 2u);
  late.reply(at({ip("192.0.2.99")}));
  EXPECT_FALSE(tick());
  now += ClientHosts::kFailurePause;
  tick();
  EXPECT_EQ(asked.size(), 2u);
}

TEST_F(ClientHostsTest, NamesThatStayKeepTheirAddresses) {
  hosts.adopt({"a.example.org", "b.example.org"});
  tick();
  EXPECT_TRUE(answer_all({ip("192.0.2.7")}));
  hosts.adopt({"b.example.org", "c.example.org"});
  EXPECT_EQ(hosts.addresses().size(), 1u);
  tick();
  EXPECT_EQ(asked.size(), 2u);
  EXPECT_EQ(asked[0].host, "c.example.org");
}

TEST(HostAnswer, TakesAddressesAndTheSmallestTtl) {
  const auto query = test::make_query("pc.example.org", dns::RrType::kA);
  const auto wire = test::make_response(query, dns::Rcode::kNoError,
                                        {{"", dns::RrType::kCname, 30, test::wire_name("real.example.org")},
                                         {"real.example.org", dns::RrType::kA, 300, test::a_rdata(192, 0, 2, 7)}});
  const auto message = dns::MessageView::parse(wire);
  ASSERT_TRUE(message.ok());
  const auto answer = host_answer({resolver::ForwardOutcome::kAnswer, &*message, ""}, dns::RrType::kA);
  EXPECT_FALSE(answer.is_failure);
  EXPECT_EQ(answer.addresses, (std::vector{ip("192.0.2.7")}));
  EXPECT_EQ(answer.ttl, 30s);
  EXPECT_TRUE(host_answer({resolver::ForwardOutcome::kTimeout, nullptr, ""}, dns::RrType::kA).is_failure);
}

}  // namespace
}  // namespace rampart::control
