#include "control/client_identifier.h"

#include <gtest/gtest.h>

namespace rampart::control {
namespace {

using Kind = ClientIdentifier::Kind;

TEST(ClientIdentifier, KindsAreToldApart) {
  EXPECT_EQ(parse_client_identifier("default").kind, Kind::kDefault);
  EXPECT_EQ(parse_client_identifier("192.0.2.7").kind, Kind::kAddress);
  EXPECT_EQ(parse_client_identifier("2001:DB8::7").kind, Kind::kAddress);
  EXPECT_EQ(parse_client_identifier("192.0.2.0/24").kind, Kind::kRange);
  EXPECT_EQ(parse_client_identifier("Laptop-*").kind, Kind::kGlob);
  EXPECT_EQ(parse_client_identifier("Laptop-*").text, "laptop-*");
  EXPECT_EQ(parse_client_identifier("pc.example.org").kind, Kind::kName);
  EXPECT_EQ(parse_client_identifier("").kind, Kind::kName);
}

TEST(ClientIdentifier, KeyIsSplitAtCommasWithoutTrimming) {
  const auto identifiers = parse_client_identifiers("a,192.0.2.1, b");
  ASSERT_EQ(identifiers.size(), 3u);
  EXPECT_EQ(identifiers[1].kind, Kind::kAddress);
  EXPECT_EQ(identifiers[2].text, " b");
}

}  // namespace
}  // namespace rampart::control
