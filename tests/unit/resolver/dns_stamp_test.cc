#include "resolver/dns_stamp.h"

#include <gtest/gtest.h>

#include "resolver/upstream_set.h"

namespace rampart::resolver {
namespace {

std::string stamp(const std::string& bytes) {
  static constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::string out = "sdns://";
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : bytes) {
    bits = (bits << 8) | static_cast<unsigned char>(c);
    for (count += 8; count >= 6; count -= 6) out += kAlphabet[(bits >> (count - 6)) & 63];
  }
  if (count > 0) out += kAlphabet[(bits << (6 - count)) & 63];
  return out;
}

std::string prefixed(const std::string& text, bool more = false) {
  return std::string(1, static_cast<char>(text.size() | (more ? 0x80 : 0))) + text;
}

std::string head(int protocol) { return std::string(1, static_cast<char>(protocol)) + std::string(8, '\1'); }

UpstreamSpec parsed(const std::string& text) {
  auto spec = parse_dns_stamp(text);
  if (!spec.ok()) {
    ADD_FAILURE() << spec.error();
    return {};
  }
  return std::move(spec).value();
}

std::string error_of(const std::string& text) {
  const auto spec = parse_dns_stamp(text);
  return spec.ok() ? "no error" : spec.error();
}

const std::string kHash(32, 'h');

TEST(DnsStamp, PlainStampIsItsAddress) {
  const auto spec = parsed(stamp(head(0) + prefixed("192.0.2.1:5353")));
  EXPECT_EQ(to_text(spec), "tcp+udp:192.0.2.1:5353");
  EXPECT_EQ(to_text(parsed(stamp(head(0) + prefixed("[2001:db8::1]")))), "tcp+udp:[2001:db8::1]");
}

TEST(DnsStamp, DohStampCarriesEverything) {
  const auto spec = parsed(stamp(head(2) + prefixed("192.0.2.1") + prefixed("short", true) + prefixed(kHash) +
                                 prefixed("dns.example.org:444") + prefixed("/q") + prefixed("192.0.2.2", true) +
                                 prefixed("192.0.2.1")));
  EXPECT_EQ(to_text(spec), "https://dns.example.org:444/q");
  EXPECT_EQ(spec.common_name, "dns.example.org");
  ASSERT_EQ(spec.ips.size(), 2u) << "addresses are unique";
  ASSERT_EQ(spec.certificate_hashes.size(), 1u) << "only hashes of 32 octets are kept";
  EXPECT_EQ(spec.certificate_hashes[0][31], 'h');
}

TEST(DnsStamp, PortOfTheAddressCountsWhereTheHostHasNone) {
  EXPECT_EQ(to_text(parsed(stamp(head(3) + prefixed("192.0.2.1:8853") + prefixed("") + prefixed("d.example.org")))),
            "tcp-tls:d.example.org:8853");
  EXPECT_EQ(to_text(parsed(stamp(head(4) + prefixed("") + prefixed("") + prefixed("d.example.org")))),
            "quic:d.example.org");
}

TEST(DnsStamp, HostlessStampUsesItsAddress) {
  EXPECT_EQ(parsed(stamp(head(3) + prefixed("192.0.2.1") + prefixed("") + prefixed(""))).host, "192.0.2.1");
}

TEST(DnsStamp, OtherKindsAreNamed) {
  EXPECT_EQ(error_of(stamp(head(1) + "x")),
            "the DNS stamp is for DNSCrypt, which is not supported; use a plain, DoT, DoH or DoQ stamp");
  EXPECT_NE(error_of(stamp(head(0x81))).find("DNSCrypt relays"), std::string::npos);
  EXPECT_NE(error_of(stamp(head(5))).find("ODoH targets"), std::string::npos);
  EXPECT_NE(error_of(stamp(head(0x85))).find("ODoH relays"), std::string::npos);
  EXPECT_NE(error_of(stamp(head(9))).find("unknown protocol"), std::string::npos);
}

TEST(DnsStamp, EveryCutShortStampIsAnError) {
  const std::string whole = head(2) + prefixed("192.0.2.1") + prefixed(kHash) + prefixed("dns.example.org") + prefixed("/q");
  ASSERT_TRUE(parse_dns_stamp(stamp(whole)).ok());
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_FALSE(parse_dns_stamp(stamp(whole.substr(0, length))).ok()) << length;
  }
}

TEST(DnsStamp, GarbageIsAnError) {
  EXPECT_NE(error_of("sdns://%%%").find("is not base64url"), std::string::npos);
  EXPECT_NE(error_of("sdns://A").find("is not base64url"), std::string::npos);
  EXPECT_NE(error_of("sdns://" + std::string(5000, 'A')).find("longer"), std::string::npos);
  EXPECT_NE(error_of(stamp(head(0) + prefixed("example.org"))).find("no IP address"), std::string::npos);
  EXPECT_NE(error_of(stamp(head(3) + prefixed("") + prefixed("") + prefixed("a b"))).find("malformed host"),
            std::string::npos);
}

}  // namespace
}  // namespace rampart::resolver
