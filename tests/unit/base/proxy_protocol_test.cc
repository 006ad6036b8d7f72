#include "base/proxy_protocol.h"

#include <gtest/gtest.h>

#include <string>

namespace rampart::base {
namespace {

using namespace std::string_literals;

ProxyHeader parse(const std::string& text) { return parse_proxy_header(as_bytes(text)); }

const std::string kSignature = "\r\n\r\n\0\r\nQUIT\n"s;

TEST(ProxyProtocol, TextLineNamesTheClient) {
  const auto header = parse("PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\nGET /");
  ASSERT_EQ(header.state, ProxyParse::kComplete);
  EXPECT_EQ(header.length, 44u);
  EXPECT_EQ(header.source->to_string(), "192.0.2.7:4711");
  EXPECT_EQ(parse("PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n").source->to_string(), "[2001:db8::1]:1");
}

TEST(ProxyProtocol, UnknownFamilyKeepsThePeer) {
  const auto header = parse("PROXY UNKNOWN whatever\r\n");
  EXPECT_EQ(header.state, ProxyParse::kComplete);
  EXPECT_FALSE(header.source.has_value());
}

TEST(ProxyProtocol, EveryPrefixOfAValidHeaderNeedsMore) {
  const std::string binary = kSignature + "\x21\x11\x00\x0c"s + "\xc0\x00\x02\x07\xc6\x33\x64\x01\x12\x67\x01\xbb"s;
  for (const std::string& whole : {"PROXY TCP4 192.0.2.7 198.51.100.1 4711 443\r\n"s, binary}) {
    for (std::size_t n = 0; n < whole.size(); ++n) {
      EXPECT_EQ(parse(whole.substr(0, n)).state, ProxyParse::kNeedMore) << n;
    }
    ASSERT_EQ(parse(whole).state, ProxyParse::kComplete);
    EXPECT_EQ(parse(whole).length, whole.size());
    EXPECT_EQ(parse(whole).source->to_string(), "192.0.2.7:4711");
  }
}

TEST(ProxyProtocol, LocalCommandKeepsThePeer) {
  const auto header = parse(kSignature + "\x20\x00\x00\x00"s);
  EXPECT_EQ(header.state, ProxyParse::kComplete);
  EXPECT_FALSE(header.source.has_value());
}

TEST(ProxyProtocol, TrailingTlvsAreSkipped) {
  const auto header =
      parse(kSignature + "\x21\x11\x00\x0f"s + "\xc0\x00\x02\x07\xc6\x33\x64\x01\x12\x67\x01\xbb"s + "\x04\x00\x00"s);
  EXPECT_EQ(header.state, ProxyParse::kComplete);
  EXPECT_EQ(header.length, 31u);
}

TEST(ProxyProtocol, MalformedHeadersAreInvalid) {
  for (const std::string& bad : {
           "GET / HTTP/1.1\r\n"s, "PROXY TCP4 192.0.2.7 198.51.100.1 4711\r\n"s,
           "PROXY TCP4 192.0.2.7 198.51.100.1 70000 443\r\n"s, "PROXY TCP4 2001:db8::1 ::1 1 2\r\n"s,
           "PROXY UDP4 192.0.2.7 198.51.100.1 1 2\r\n"s, "PROXY TCP4 192.0.2.7 198.51.100.1 1 2 3\r\n"s,
           "PROXY TCP4 192.0.2.7 198.51.100.1 1 2\n"s, "PROXY "s + std::string(200, 'x'),
           kSignature + "\x11\x11\x00\x0c"s,  // version 1 in binary form
           kSignature + "\x22\x11\x00\x0c"s,  // unknown command
           kSignature + "\x21\x11\x00\x04"s,  // too short for IPv4
           kSignature + "\x21\x11\xff\xff"s,  // beyond our bound
           "\r\n\r\n\0\r\nQUIX"s}) {
    EXPECT_EQ(parse(bad).state, ProxyParse::kInvalid) << bad;
  }
}

}  // namespace
}  // namespace rampart::base
