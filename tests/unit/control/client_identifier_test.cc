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

TEST(ClientIdentifier, GlobsAreGos) {
  const struct {
    const char* pattern;
    const char* text;
    bool matches;
  } kCases[] = {
      {"abc", "abc", true},      {"*", "abc", true},        {"*c", "abc", true},        {"a*", "a", true},
      {"a*", "ab/c", false},     {"a*/b", "abc/b", true},   {"a*b*c*d*e*/f", "axbxcxdxexxx/f", true},
      {"a*b?c*x", "abxbbxdbxebxczzx", true}, {"a*b?c*x", "abxbbxdbxebxczzy", false},
      {"ab[c]", "abc", true},    {"ab[b-d]", "abc", true},  {"ab[e-g]", "abc", false},  {"ab[^c]", "abc", false},
      {"ab[^e-g]", "abc", true}, {"a\\*b", "a*b", true},    {"a\\*b", "ab", false},     {"a?b", "a/b", false},
      {"[\\]a]", "]", true},     {"[\\-x]", "-", true},     {"[x-]", "x", false},       {"[", "a", false},
      {"[]a]", "]", false},      {"a[", "ab", false},       {"*x", "xxx", true},        {"", "", true},
      {"\\", "a", false},
  };
  for (const auto& one : kCases) {
    EXPECT_EQ(glob_matches(one.pattern, one.text), one.matches) << one.pattern << " against " << one.text;
  }
  EXPECT_FALSE(is_glob_well_formed("tv[1-"));
  EXPECT_TRUE(is_glob_well_formed("tv[1-9]*"));
}

}  // namespace
}  // namespace rampart::control
