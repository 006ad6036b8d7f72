// RFC 8767: data beyond its TTL, only in need, only for a while, and never as if it were fresh.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "resolver/custom_dns.h"
#include "tests/support/pipeline_world.h"

namespace rampart {
namespace {

using dns::Rcode;
using dns::RrType;
using resolver::ForwardOutcome;
using storage::Reason;
using test::make_query;
using test::PipelineWorld;

resolver::CacheOptions stale_for(std::chrono::seconds time) {
  resolver::CacheOptions options;
  options.stale_max = time;
  return options;
}

class Stale : public ::testing::Test {
 protected:
  Stale() {
    world.policy().cache.serve_stale = true;
    static_cast<void>(world.resolve(query, answer(60)));
    world.pass(std::chrono::seconds(100));
  }
  test::Bytes answer(std::uint32_t ttl) const {
    return test::make_response(query, Rcode::kNoError, {{"", RrType::kA, ttl, test::a_rdata(192, 0, 2, 1)}});
  }

  const test::Bytes query = make_query("www.example.org", RrType::kA, {.edns = true});
  PipelineWorld world{{}, stale_for(std::chrono::hours(1))};
};

using Rfc8767Section4 = Stale;

TEST_F(Rfc8767Section4, ExpiredDataIsNotUsedBeforeTheUpstreamsWereAsked) {
  EXPECT_EQ(world.ask_wire(query).disposition, resolver::Disposition::kForward);
}

TEST_F(Rfc8767Section4, EveryFailureIsNeed) {
  for (const auto outcome : {ForwardOutcome::kTimeout, ForwardOutcome::kNetworkError, ForwardOutcome::kServFail,
                             ForwardOutcome::kOverload})
    EXPECT_EQ(world.fail_upstream(query, outcome).reason, Reason::kCachedStale);
}

TEST_F(Rfc8767Section4, SoIsThatNobodyCanBeAskedForWantOfRoom) {
  const auto refused = world.refuse(query);
  EXPECT_EQ(refused.reason, Reason::kCachedStale);
  EXPECT_THAT(refused.records, ::testing::ElementsAre("A 192.0.2.1 ttl=30"));
  const auto unknown = world.refuse(make_query("other.example.org", RrType::kA));
  EXPECT_EQ(unknown.reason, Reason::kOverload);
  EXPECT_EQ(unknown.rcode, static_cast<std::uint16_t>(Rcode::kServFail));
  world.policy().cache.serve_stale = false;
  EXPECT_EQ(world.refuse(query).reason, Reason::kOverload);
}

TEST_F(Rfc8767Section4, TheTargetOfAnAliasOfOurOwnIsServedStaleToo) {
  resolver::CustomDnsOptions options;
  options.zone = *dns::parse_zone("alias.example.net. 60 CNAME www.example.org.\n");
  world.policy().custom_dns = std::make_shared<const resolver::CustomDns>(world.policy().filter->key(), options);
  const auto refused = world.refuse(make_query("alias.example.net", RrType::kA));
  EXPECT_THAT(refused.records, ::testing::ElementsAre("CNAME www.example.org. ttl=60", "A 192.0.2.1 ttl=30"));
}

TEST_F(Rfc8767Section4, TheTtlOfStaleDataIs30Seconds) {
  const auto reply = world.fail_upstream(query, ForwardOutcome::kTimeout);
  EXPECT_THAT(reply.records, ::testing::ElementsAre("A 192.0.2.1 ttl=30"));
}

TEST_F(Rfc8767Section4, ADenialIsAnAnswerAndEndsTheStaleData) {
  static_cast<void>(world.resolve(
      query, test::make_response(query, Rcode::kNxDomain, {},
                                 {{"example.org", RrType::kSoa, 60, test::soa_rdata("ns.example.org", 60)}})));
  const auto reply = world.fail_upstream(query, ForwardOutcome::kTimeout);
  EXPECT_EQ(reply.rcode, static_cast<std::uint16_t>(Rcode::kNxDomain));
}

TEST_F(Rfc8767Section4, NothingOlderThanTheMaximumIsUsed) {
  world.pass(std::chrono::hours(1));
  const auto reply = world.fail_upstream(query, ForwardOutcome::kTimeout);
  EXPECT_EQ(reply.rcode, static_cast<std::uint16_t>(Rcode::kServFail));
}

TEST_F(Rfc8767Section4, FreshDataIsWhatItWas) {
  static_cast<void>(world.resolve(query, answer(60)));
  const auto reply = world.fail_upstream(query, ForwardOutcome::kTimeout);
  EXPECT_EQ(reply.reason, Reason::kCached);
  EXPECT_THAT(reply.records, ::testing::ElementsAre("A 192.0.2.1 ttl=60"));
}

}  // namespace
}  // namespace rampart
