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

TEST(ClientIdentifier, MistypedAddressesAreNoNamesAndAreDoubted) {
  for (const char* text : {"192.168.1.0/240", "192.168.1.300", "10.0.0.1-10.0.0.9", "192.168.0.0/33", "192.168.1",
                           "1.2.3.4.5", "laptop/24", "2001:db8::1::2", "2001:DB8::/129",
                           "fe80::1%eth0", "aa:bb:cc:dd:ee:ff"}) {
    const auto client = parse_client_identifier(text);
    EXPECT_EQ(client.kind, Kind::kMistyped) << text;
    EXPECT_NE(doubt_about(client).find("is no IP address or range"), std::string::npos) << text;
  }
  for (const char* text : {"127.0.0.1/24 ", " 192.0.2.7", " b", "pc.example.org "}) {
    EXPECT_EQ(parse_client_identifier(text).kind, Kind::kMistyped) << text;
    EXPECT_NE(doubt_about(parse_client_identifier(text)).find("remove them"), std::string::npos) << text;
  }
  EXPECT_NE(doubt_about(parse_client_identifier("[a")).find("malformed"), std::string::npos);
}

TEST(ClientIdentifier, NamesWithDigitsAreNames) {
  for (const char* text : {"pc.example.org", "4", "192-168-1-5", "7.lan",
                           "1.2.3.4.in-addr.arpa", "my laptop", "cafe.de", ""}) {
    EXPECT_EQ(parse_client_identifier(text).kind, Kind::kName) << text;
    EXPECT_EQ(doubt_about(parse_client_identifier(text)), "") << text;
  }
}

}  // namespace
}  // namespace rampart::control
