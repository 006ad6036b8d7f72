// RFC 2181: TTLs (8).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/pipeline_world.h"

namespace rampart {
namespace {

using dns::RrType;
using ::testing::ElementsAre;

const auto kQuery = test::make_query("www.example.org", RrType::kA);

test::Bytes answer(std::uint32_t ttl) {
  return test::make_response(kQuery, dns::Rcode::kNoError, {{"", RrType::kA, ttl, test::a_rdata(192, 0, 2, 1)}});
}

// As it stands on the wire: behind a pointer for the owner, type and class.
std::uint32_t ttl_of_first_record(const test::PipelineWorld::Reply& reply) {
  return base::load_u32(reply.bytes.data() + kQuery.size() + 6);
}

TEST(Rfc2181Section8, ATtlWithTheTopBitSetIsPassedOnAsZeroAndNotKept) {
  for (const std::uint32_t ttl : {0x80000000u, 0xffffffffu}) {
    test::PipelineWorld world;
    const auto reply = world.resolve(kQuery, answer(ttl));
    ASSERT_THAT(reply.records, ElementsAre("A 192.0.2.1 ttl=0"));
    EXPECT_EQ(ttl_of_first_record(reply), 0u);
    EXPECT_EQ(world.ask_wire(kQuery).disposition, resolver::Disposition::kForward);
  }
}

TEST(Rfc2181Section8, TheLargestTtlIsOne) {
  test::PipelineWorld world;
  EXPECT_EQ(ttl_of_first_record(world.resolve(kQuery, answer(0x7fffffff))), 0x7fffffffu);
}

TEST(Rfc2181Section8, OurOwnLeastTtlHoldsForItToo) {
  test::PipelineWorld world;
  world.policy().cache.min_ttl = 60;
  world.policy().cache.max_ttl = 3600;
  EXPECT_EQ(ttl_of_first_record(world.resolve(kQuery, answer(~0u))), 60u);
}

}  // namespace
}  // namespace rampart
