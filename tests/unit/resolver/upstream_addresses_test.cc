// Upstreams with more than one address: which of them is asked, and whose answers count.
#include <gtest/gtest.h>

#include <memory>

#include "resolver/forwarder.h"
#include "tests/support/forward_world.h"

namespace rampart {
namespace {

using namespace std::chrono_literals;
using namespace test;
using resolver::ForwardOutcome;
using resolver::UpstreamStrategy;

constexpr std::uint32_t kOtherHost = INADDR_LOOPBACK + 1;

FakeScript answer_after(std::chrono::milliseconds delay, std::uint8_t last_octet) {
  return [=](const FakeQuery& query) { return std::vector{after(delay, answer_a(query, last_octet))}; };
}

class UpstreamAddresses : public ::testing::Test {
 protected:
  /// One upstream whose host has both addresses.
  void use_both(base::Duration timeout) {
    resolver::UpstreamSpec spec = first.spec();
    spec.ips = {base::IpAddress::v4(INADDR_LOOPBACK), base::IpAddress::v4(kOtherHost)};
    world.use({spec}, UpstreamStrategy::kParallelBest, timeout);
  }
  void listen_at_the_other(FakeScript script) {
    second = std::make_unique<FakeUpstream>(std::move(script), kOtherHost, first.port());
  }

  FakeUpstream first{never_answer()};
  std::unique_ptr<FakeUpstream> second;
  ForwardWorld world;
};

// Retransmissions go out after 300 and 600 ms, each to the next address.
TEST_F(UpstreamAddresses, AnAnswerSlowerThanTheRetransmissionsCounts) {
  first.set_script(answer_after(700ms, 1));
  listen_at_the_other(answer_after(1000ms, 2));
  use_both(1200ms);
  Asked& asked = world.ask_and_wait("www.example.org");
  EXPECT_EQ(asked.outcome, ForwardOutcome::kAnswer);
  EXPECT_EQ(asked.last_octet(), 1);
  EXPECT_GE(asked.took, 700ms);
  EXPECT_LT(asked.took, 1000ms) << "that of the first transmission was not taken";
  EXPECT_EQ(world.counters.mismatched_id.value(), 0u);
}

TEST_F(UpstreamAddresses, EachAddressHasOneIdAndPortForAllItsTransmissions) {
  listen_at_the_other(never_answer());
  use_both(900ms);
  EXPECT_EQ(world.ask_and_wait("www.example.org").outcome, ForwardOutcome::kTimeout);
  const auto to_first = first.queries(), to_second = second->queries();
  ASSERT_EQ(to_first.size(), 2u);
  ASSERT_EQ(to_second.size(), 1u);
  EXPECT_EQ(to_first[0].wire, to_first[1].wire) << "another ID would give a forger a second target";
  EXPECT_EQ(to_first[0].source_port, to_first[1].source_port);
  EXPECT_NE(to_first[0].wire, to_second[0].wire);
}

TEST_F(UpstreamAddresses, AnUnreachableOneDoesNotEndTheWaitForTheOther) {
  // Nobody listens at the other: it is tried at once, and again by a retransmission.
  first.set_script(answer_after(800ms, 1));
  use_both(1500ms);
  Asked& asked = world.ask_and_wait("www.example.org");
  EXPECT_EQ(asked.outcome, ForwardOutcome::kAnswer);
  EXPECT_EQ(asked.last_octet(), 1);
  EXPECT_LT(asked.took, 1100ms);
  EXPECT_EQ(world.counters.network_errors.value(), 0u);
}

TEST_F(UpstreamAddresses, WhoTruncatesIsAskedOverTcpAndNobodyElse) {
  const auto script = [](const FakeQuery& query) {
    return std::vector{query.over_tcp ? answer_a(query, 1) : after(400ms, truncated(query))};
  };
  first.set_script(script);
  listen_at_the_other(never_answer());
  use_both(2s);
  Asked& asked = world.ask_and_wait("www.example.org");
  EXPECT_EQ(asked.outcome, ForwardOutcome::kAnswer);
  EXPECT_EQ(asked.last_octet(), 1);
  EXPECT_EQ(first.tcp_connections(), 1u);
  EXPECT_EQ(second->tcp_connections(), 0u);
}

TEST_F(UpstreamAddresses, TheOneThatAnsweredIsAskedFirstTheNextTime) {
  listen_at_the_other(always_answer(2));
  use_both(2s);
  EXPECT_EQ(world.ask_and_wait("www.example.org").last_octet(), 2);
  Asked& asked = world.ask_and_wait("other.example.org");
  EXPECT_EQ(asked.last_octet(), 2);
  EXPECT_LT(asked.took, 250ms);
  EXPECT_EQ(first.count(), 1u);
}

}  // namespace
}  // namespace rampart
