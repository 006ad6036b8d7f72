// RFC 2308: how long a denial may be repeated, and to whom.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/pipeline_world.h"

namespace rampart {
namespace {

using dns::Rcode;
using dns::RrType;
using resolver::Disposition;
using storage::Reason;
using test::make_query;
using test::PipelineWorld;

struct Denial {
  Rcode rcode;
  std::uint32_t soa_ttl;
  std::uint32_t soa_minimum;
};

void deny(PipelineWorld& world, std::string_view name, RrType type, const Denial& denial) {
  const auto query = make_query(name, type);
  static_cast<void>(world.resolve(
      query, test::make_response(query, denial.rcode, {},
                                 {{"example.org", RrType::kSoa, denial.soa_ttl,
                                   test::soa_rdata("ns.example.org", denial.soa_minimum)}})));
}

bool is_known(PipelineWorld& world, std::string_view name, RrType type) {
  return world.ask(name, type).disposition == Disposition::kRespond;
}

TEST(Rfc2308Section5, TheSmallerOfSoaTtlAndMinimumIsTheLifetime) {
  for (const Denial& denial : {Denial{Rcode::kNxDomain, 900, 60}, Denial{Rcode::kNxDomain, 60, 900},
                               Denial{Rcode::kNoError, 900, 60}, Denial{Rcode::kNoError, 60, 900}}) {
    PipelineWorld world;
    deny(world, "none.example.org", RrType::kA, denial);
    world.pass(std::chrono::seconds(59));
    EXPECT_TRUE(is_known(world, "none.example.org", RrType::kA));
    world.pass(std::chrono::seconds(2));
    EXPECT_FALSE(is_known(world, "none.example.org", RrType::kA));
  }
}

TEST(Rfc2308Section5, TheSoaGoesWithTheCachedDenialAndItsTtlGrowsOld) {
  PipelineWorld world;
  deny(world, "none.example.org", RrType::kA, {Rcode::kNxDomain, 300, 300});
  world.pass(std::chrono::seconds(100));
  const auto reply = world.ask("none.example.org");
  ASSERT_EQ(reply.authority.size(), 1u);
  EXPECT_THAT(reply.authority[0], ::testing::HasSubstr("ttl=200"));
}

TEST(Rfc2308Section5, NodataIsOfOneTypeOnly) {
  PipelineWorld world;
  deny(world, "www.example.org", RrType::kAaaa, {Rcode::kNoError, 300, 300});
  EXPECT_TRUE(is_known(world, "www.example.org", RrType::kAaaa));
  EXPECT_FALSE(is_known(world, "www.example.org", RrType::kA));
}

TEST(Rfc2308Section2_1, NxdomainBehindAnAliasIsKeptWithTheAlias) {
  PipelineWorld world;
  const auto query = make_query("alias.example.org", RrType::kA);
  static_cast<void>(world.resolve(
      query, test::make_response(query, Rcode::kNxDomain,
                                 {{"", RrType::kCname, 300, test::wire_name("gone.example.org")}},
                                 {{"example.org", RrType::kSoa, 60, test::soa_rdata("ns.example.org", 60)}})));
  const auto reply = world.ask("alias.example.org");
  EXPECT_EQ(reply.rcode, static_cast<std::uint16_t>(Rcode::kNxDomain));
  EXPECT_EQ(reply.records.size(), 1u);
  world.pass(std::chrono::seconds(61));
  EXPECT_FALSE(is_known(world, "alias.example.org", RrType::kA)) << "the denial's lifetime, not the alias's";
}

TEST(Rfc2308Section7, ServerFailuresAreNotRepeated) {
  PipelineWorld world;
  const auto query = make_query("www.example.org", RrType::kA);
  static_cast<void>(world.resolve(query, test::make_response(query, Rcode::kServFail, {})));
  EXPECT_FALSE(is_known(world, "www.example.org", RrType::kA));
}

}  // namespace
}  // namespace rampart
