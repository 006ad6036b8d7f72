// Rules for some query types only on the query path: the queried name, aliases and addresses in answers, the cache.
#include <gtest/gtest.h>

#include "resolver/pipeline.h"
#include "tests/support/pipeline_world.h"

namespace rampart::resolver {
namespace {

using blocklists::Action;
using dns::Rcode;
using dns::RrType;
using storage::Reason;
using test::PipelineWorld;

TEST(TypedRules, BlockTheQueriedNameForTheirTypes) {
  PipelineWorld world({{"ads", Action::kDeny, "||x.example^$dnstype=A\n"}});
  EXPECT_EQ(world.ask("www.x.example", RrType::kA).reason, Reason::kBlocked);
  EXPECT_EQ(world.ask("www.x.example", RrType::kAaaa).disposition, Disposition::kForward);
}

TEST(TypedRules, BlockAliasesByTheTypeOfTheQuery) {
  const auto alias = [](const test::Bytes& query) {
    return test::make_response(query, Rcode::kNoError,
                               {{"", RrType::kCname, 300, test::wire_name("t.tracker.example")}});
  };
  PipelineWorld world({{"ads", Action::kDeny, "||tracker.example^$dnstype=A\n"}});
  const auto a = test::make_query("www.example.org", RrType::kA);
  const auto aaaa = test::make_query("www.example.org", RrType::kAaaa);
  for (int round = 0; round < 2; ++round) {  // from the upstream, and from the cache
    EXPECT_EQ(world.resolve(a, alias(a)).reason, Reason::kBlockedCname) << round;
    EXPECT_NE(world.resolve(aaaa, alias(aaaa)).reason, Reason::kBlockedCname) << round;
  }
  world.republish({{"ads", Action::kDeny, "||tracker.example^$dnstype=~A\n"}});
  EXPECT_EQ(world.resolve(a, alias(a)).reason, Reason::kCached);
  EXPECT_EQ(world.resolve(aaaa, alias(aaaa)).reason, Reason::kBlockedCname);
}

TEST(TypedRules, BlockAddressesByTheTypeOfTheQuery) {
  PipelineWorld world({{"ads", Action::kDeny, "||192.0.2.9^$dnstype=~A\n||198.51.100.9^$dnstype=A\n"}});
  const auto reason = [&](const char* name, const test::Bytes& address) {
    const auto query = test::make_query(name, RrType::kA);
    const auto response = test::make_response(query, Rcode::kNoError, {{"", RrType::kA, 300, address}});
    return world.resolve(query, response).reason;
  };
  EXPECT_EQ(reason("a.example.org", test::a_rdata(192, 0, 2, 9)), Reason::kResolved);
  EXPECT_EQ(reason("b.example.org", test::a_rdata(198, 51, 100, 9)), Reason::kBlockedIp);
}

TEST(TypedRules, AnExceptionForATypeSparesAnswersToIt) {
  PipelineWorld world({{"ads", Action::kDeny, "||x.example^\n@@||x.example^$dnstype=AAAA\n"}});
  EXPECT_EQ(world.ask("x.example", RrType::kA).reason, Reason::kBlocked);
  EXPECT_EQ(world.ask("x.example", RrType::kAaaa).disposition, Disposition::kForward);
}

}  // namespace
}  // namespace rampart::resolver
