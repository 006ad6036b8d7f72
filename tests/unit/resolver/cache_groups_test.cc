// Answers belong to the group of upstreams that gave them, by the group's number: in the cache, and where instances
// share them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/pipeline_world.h"

namespace rampart {
namespace {

using dns::Rcode;
using dns::RrType;
using resolver::Disposition;
using test::make_query;
using test::make_response;
using test::PipelineWorld;
using ::testing::ElementsAre;

test::Bytes answer_a(const test::Bytes& query, std::uint8_t last) {
  return make_response(query, Rcode::kNoError, {{"", RrType::kA, 300, test::a_rdata(192, 0, 2, last)}});
}

resolver::ClientTable::UpstreamRule rule(const char* client, std::uint16_t group) {
  return {{*base::IpAddress::parse(client), 32}, group};
}

TEST(CacheGroups, AGroupThatTakesThePlaceOfAnotherDoesNotInheritItsAnswers) {
  PipelineWorld world;
  auto& clients = world.policy().clients;
  clients.upstream_rules = {rule("198.51.100.1", 1), rule("198.51.100.2", 2)};
  clients.cache_groups = {0, 1, 2};
  const auto query = make_query("www.example.org", RrType::kA);
  static_cast<void>(world.resolve(query, answer_a(query, 1), "198.51.100.1"));
  static_cast<void>(world.resolve(query, answer_a(query, 2), "198.51.100.2"));
  EXPECT_THAT(world.ask_wire(query, "198.51.100.2").records, ElementsAre("A 192.0.2.2 ttl=300"));

  clients.upstream_rules = {rule("198.51.100.2", 1), rule("198.51.100.1", 2)};
  clients.cache_groups = {0, 2, 3};
  world.republish({});
  EXPECT_THAT(world.ask_wire(query, "198.51.100.2").records, ElementsAre("A 192.0.2.2 ttl=300"));
  EXPECT_EQ(world.ask_wire(query, "198.51.100.1").disposition, Disposition::kForward);
  EXPECT_EQ(world.ask_wire(query).disposition, Disposition::kForward);
}

TEST(CacheGroups, OnlyAnswersOfTheDefaultGroupAreSharedWhateverItsNumber) {
  PipelineWorld world;
  world.policy().clients.cache_groups = {7, 0};
  world.policy().clients.upstream_rules = {rule("198.51.100.1", 1)};
  storage::CacheExportRing shared;
  resolver::Pipeline pipeline(world.cache(), world.counters(), nullptr, &shared);
  for (const char* client : {"192.0.2.1", "198.51.100.1"}) {
    const auto query = make_query(client, RrType::kA);
    const auto wire = answer_a(query, 1);
    const auto message = dns::MessageView::parse(wire);
    resolver::QueryContext context;
    context.wire = query;
    context.client = *base::IpAddress::parse(client);
    test::Bytes out(4096);
    std::size_t length = 0;
    ASSERT_EQ(pipeline.answer(context, world.policy(), world.now(), out, length), Disposition::kForward);
    const resolver::ForwardResult result{resolver::ForwardOutcome::kAnswer, &*message, ""};
    static_cast<void>(pipeline.complete(context, world.policy(), result, world.now(), out));
  }
  std::vector<std::string> names;
  shared.consume(
      [&](const storage::ExportedAnswer& answer) {
        names.push_back(dns::to_text(dns::MessageView::parse(answer.message)->qname().view()));
      },
      10);
  EXPECT_THAT(names, ElementsAre("192.0.2.1"));
}

}  // namespace
}  // namespace rampart
