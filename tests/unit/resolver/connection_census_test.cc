#include "resolver/connection_census.h"

#include <gtest/gtest.h>

namespace rampart::resolver {
namespace {

const auto kOne = base::IpAddress::v4(0xc0000201);
const auto kOther = base::IpAddress::v4(0xc0000202);

TEST(ConnectionCensus, RefusesBeyondTheTotal) {
  ConnectionCensus census(2, 2);
  EXPECT_TRUE(census.admit(kOne));
  EXPECT_TRUE(census.admit(kOther));
  EXPECT_FALSE(census.admit(kOther));
  census.leave(kOne);
  EXPECT_TRUE(census.admit(kOther));
}

TEST(ConnectionCensus, RefusesAClientBeyondItsShareOnly) {
  ConnectionCensus census(10, 1);
  EXPECT_TRUE(census.admit(kOne));
  EXPECT_FALSE(census.admit(kOne));
  EXPECT_TRUE(census.admit(kOther));
  census.leave(kOne);
  EXPECT_TRUE(census.admit(kOne));
}

TEST(ConnectionCensus, AnIpv6NetworkIsOneClient) {
  const auto ip = [](const char* text) { return *base::IpAddress::parse(text); };
  ConnectionCensus census(10, 2);
  EXPECT_TRUE(census.admit(ip("2001:db8:0:1::1")));
  EXPECT_TRUE(census.admit(ip("2001:db8:0:1:ffff::2")));
  EXPECT_FALSE(census.admit(ip("2001:db8:0:1::3")));
  EXPECT_TRUE(census.admit(ip("2001:db8:0:2::1")));
  census.leave(ip("2001:db8:0:1::1"));
  EXPECT_TRUE(census.admit(ip("2001:db8:0:1::3")));
  EXPECT_EQ(census.total(), 3u);
}

TEST(ConnectionCensus, LinkLocalAndIpv4AddressesAreClientsOfTheirOwn) {
  ConnectionCensus census(10, 1);
  for (const char* client : {"fe80::1", "fe80::2", "192.0.2.1", "192.0.2.2", "::ffff:192.0.2.3"})
    EXPECT_TRUE(census.admit(*base::IpAddress::parse(client))) << client;
}

TEST(ConnectionCensus, CountsNothingForWhoWasRefusedOrNeverCame) {
  ConnectionCensus census(1, 1);
  census.leave(kOne);
  EXPECT_EQ(census.total(), 0u);
  EXPECT_TRUE(census.admit(kOne));
  EXPECT_FALSE(census.admit(kOne));
  EXPECT_FALSE(census.admit(kOther));
  EXPECT_EQ(census.total(), 1u);
  census.leave(kOne);
  EXPECT_EQ(census.total(), 0u);
}

}  // namespace
}  // namespace rampart::resolver
