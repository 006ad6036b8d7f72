// RFC 6761 and its relatives: names that mean something without anybody being asked, name by name.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/pipeline_world.h"

namespace rampart {
namespace {

using dns::Rcode;
using dns::RrType;
using resolver::Disposition;
using ::testing::ElementsAre;
using ::testing::StartsWith;
using test::PipelineWorld;

constexpr auto kNxDomain = static_cast<std::uint16_t>(Rcode::kNxDomain);

void expect_nxdomain(PipelineWorld& world, const char* name) {
  const auto reply = world.ask(name);
  EXPECT_EQ(reply.disposition, Disposition::kRespond) << name;
  EXPECT_EQ(reply.rcode, kNxDomain) << name;
}

TEST(Rfc6761Section6_3, LocalhostIsLoopbackInBothFamiliesAndNothingElse) {
  PipelineWorld world;
  for (const char* name : {"localhost", "deep.below.localhost", "LOCALHOST"}) {
    EXPECT_THAT(world.ask(name, RrType::kA).records, ElementsAre(StartsWith("A 127.0.0.1 "))) << name;
    EXPECT_THAT(world.ask(name, RrType::kAaaa).records, ElementsAre(StartsWith("AAAA ::1 "))) << name;
    EXPECT_EQ(world.ask(name, RrType::kMx).records.size(), 0u) << name;
  }
  EXPECT_EQ(world.ask("notlocalhost").disposition, Disposition::kForward);
}

TEST(Rfc6761Section6, TestAndInvalidDoNotExist) {
  PipelineWorld world;
  for (const char* name : {"test", "www.test", "invalid", "a.b.invalid"}) expect_nxdomain(world, name);
  EXPECT_EQ(world.ask("test.example.org").disposition, Disposition::kForward);
}

TEST(Rfc6761Section6_1, ReverseNamesOfPrivateAddressesStayHome) {
  PipelineWorld world;
  for (const char* name : {"1.2.3.10.in-addr.arpa", "16.172.in-addr.arpa", "1.31.172.in-addr.arpa",
                           "1.1.168.192.in-addr.arpa"})
    expect_nxdomain(world, name);
  for (const char* name : {"1.1.1.11.in-addr.arpa", "1.15.172.in-addr.arpa", "1.32.172.in-addr.arpa",
                           "1.1.169.192.in-addr.arpa"})
    EXPECT_EQ(world.ask(name, RrType::kPtr).disposition, Disposition::kForward) << name;
}

TEST(Rfc6762Section3, LocalIsForMulticast) {
  PipelineWorld world;
  expect_nxdomain(world, "printer.local");
}

TEST(Rfc7686Section2, OnionIsNotForDns) {
  PipelineWorld world;
  expect_nxdomain(world, "service.onion");
}

TEST(Rfc8375Section4, HomeArpaStaysHomeButItsDelegationIsReal) {
  PipelineWorld world;
  expect_nxdomain(world, "router.home.arpa");
  EXPECT_EQ(world.ask("home.arpa", RrType::kDs).disposition, Disposition::kForward);
}

TEST(Rfc6761, AllOfItCanBeSwitchedOff) {
  PipelineWorld world;
  world.policy().special_use = false;
  for (const char* name : {"www.test", "printer.local", "1.1.168.192.in-addr.arpa"})
    EXPECT_EQ(world.ask(name).disposition, Disposition::kForward) << name;
}

}  // namespace
}  // namespace rampart
