#include "resolver/upstream_spec.h"

#include <gtest/gtest.h>

#include "resolver/upstream_set.h"

namespace rampart::resolver {
namespace {

UpstreamSpec parsed(std::string_view text) {
  auto spec = parse_upstream(text);
  if (!spec.ok()) {
    ADD_FAILURE() << text << ": " << spec.error();
    return {};
  }
  return std::move(spec).value();
}

std::string error_of(std::string_view text) {
  const auto spec = parse_upstream(text);
  return spec.ok() ? "no error: " + to_text(spec.value()) : spec.error();
}

TEST(UpstreamSpec, PlainAddressIsClassicAtPort53) {
  const auto spec = parsed("192.0.2.1");
  EXPECT_EQ(spec.protocol, UpstreamProtocol::kClassic);
  EXPECT_EQ(spec.host, "192.0.2.1");
  EXPECT_EQ(spec.port, 53);
}

TEST(UpstreamSpec, CanonicalTextNamesProtocolAndUnusualPort) {
  const std::pair<const char*, const char*> kCases[] = {
      {"192.0.2.1", "tcp+udp:192.0.2.1"},
      {"192.0.2.1:5353", "tcp+udp:192.0.2.1:5353"},
      {"tcp+udp:dns.example.org:53", "tcp+udp:dns.example.org"},
      {"tcp-tls:dns.example.org:8853", "tcp-tls:dns.example.org:8853"},
      {"tcp-tls:dns.example.org:853", "tcp-tls:dns.example.org"},
      {"https://dns.example.org/dns-query", "https://dns.example.org/dns-query"},
      {"https:dns.example.org:444/q", "https://dns.example.org:444/q"},
      {"quic://dns.example.org", "quic:dns.example.org"},
      {"2001:db8::1", "tcp+udp:[2001:db8::1]"},
      {"[2001:db8::1]:54", "tcp+udp:[2001:db8::1]:54"},
      {"tcp-tls:[2001:db8::1]", "tcp-tls:[2001:db8::1]"},
  };
  for (const auto& [text, canonical] : kCases) {
    EXPECT_EQ(to_text(parsed(text)), canonical) << text;
    EXPECT_EQ(parsed(canonical), parsed(text)) << canonical;
  }
}

TEST(UpstreamSpec, CommonNameIsCutOffFirst) {
  const auto spec = parsed("https://192.0.2.1/q#dns.example.org");
  EXPECT_EQ(spec.common_name, "dns.example.org");
  EXPECT_EQ(spec.path, "/q");
  EXPECT_EQ(spec.host, "192.0.2.1");
}

TEST(UpstreamSpec, ErrorsSayWhatToWrite) {
  EXPECT_EQ(error_of("udp:192.0.2.1"),
            "'udp:192.0.2.1' has the unknown protocol 'udp:'; write tcp+udp: (known are tcp+udp:, tcp-tls:, https: and "
            "quic:)");
  EXPECT_NE(error_of("tls:x").find("write tcp-tls:"), std::string::npos);
  EXPECT_NE(error_of("http://x").find("write https:"), std::string::npos);
  EXPECT_EQ(error_of("192.0.2.1:65536"), "'192.0.2.1:65536' has the port '65536'; it must be a number from 0 to 65535");
  EXPECT_NE(error_of("192.0.2.1:").find("has the port ''"), std::string::npos);
  for (const char* bad : {"", "under_score.example", "example.org.", "-a.example", "a..b", "[2001:db8::1", "[x]:53",
                          "https:///path", "a b"}) {
    EXPECT_NE(error_of(bad).find("wrong host name"), std::string::npos) << bad << ": " << error_of(bad);
  }
}

}  // namespace
}  // namespace rampart::resolver
