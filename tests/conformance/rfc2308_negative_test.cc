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

// What the upstream says about an alias whose target has no data, or does not exist.
void deny_behind_alias(PipelineWorld& world, Rcode rcode, std::uint32_t alias_ttl, std::uint32_t soa_ttl) {
  const auto query = make_query("alias.example.org", RrType::kA);
  const auto soa = test::soa_rdata("ns.example.org", soa_ttl);
  static_cast<void>(world.resolve(
      query, test::make_response(query, rcode,
                                 {{"", RrType::kCname, alias_ttl, test::wire_name("target.example.org")}},
                                 {{"example.org", RrType::kSoa, soa_ttl, soa}})));
}

TEST(Rfc2308Section2_2, NodataBehindAnAliasLivesAsLongAsItsSoaSays) {
  PipelineWorld world;
  deny_behind_alias(world, Rcode::kNoError, 300, 2);
  EXPECT_TRUE(is_known(world, "alias.example.org", RrType::kA));
  world.pass(std::chrono::seconds(3));
  EXPECT_FALSE(is_known(world, "alias.example.org", RrType::kA));
}

TEST(Rfc2308Section2_2, TheCapOnDenialsHoldsForNodataBehindAnAliasToo) {
  PipelineWorld world;
  world.policy().cache.negative_ttl = 10;
  deny_behind_alias(world, Rcode::kNoError, 300, 300);
  world.pass(std::chrono::seconds(11));
  EXPECT_FALSE(is_known(world, "alias.example.org", RrType::kA));
  world.policy().cache.negative_ttl = 0;
  deny_behind_alias(world, Rcode::kNoError, 300, 300);
  EXPECT_FALSE(is_known(world, "alias.example.org", RrType::kA));
}

TEST(Rfc2308Section5, ADenialIsNotKeptLongerThanTheAliasBeforeIt) {
  for (const auto rcode : {Rcode::kNxDomain, Rcode::kNoError}) {
    PipelineWorld world;
    deny_behind_alias(world, rcode, 1, 300);
    EXPECT_TRUE(is_known(world, "alias.example.org", RrType::kA));
    world.pass(std::chrono::seconds(2));
    EXPECT_FALSE(is_known(world, "alias.example.org", RrType::kA));
  }
}

TEST(Rfc2308Section2_2, AnAliasThatWasAskedForIsDataWhateverStandsInTheAuthority) {
  PipelineWorld world;
  const auto query = make_query("alias.example.org", RrType::kCname);
  static_cast<void>(world.resolve(
      query, test::make_response(query, Rcode::kNoError,
                                 {{"", RrType::kCname, 300, test::wire_name("target.example.org")}},
                                 {{"example.org", RrType::kSoa, 2, test::soa_rdata("ns.example.org", 2)}})));
  world.pass(std::chrono::seconds(200));
  EXPECT_TRUE(is_known(world, "alias.example.org", RrType::kCname));
}

TEST(Rfc2308Section7, ServerFailuresAreNotRepeated) {
  PipelineWorld world;
  const auto query = make_query("www.example.org", RrType::kA);
  static_cast<void>(world.resolve(query, test::make_response(query, Rcode::kServFail, {})));
  EXPECT_FALSE(is_known(world, "www.example.org", RrType::kA));
}

}  // namespace
}  // namespace rampart
