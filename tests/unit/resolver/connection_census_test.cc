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
