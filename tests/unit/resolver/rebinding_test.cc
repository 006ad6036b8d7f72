#include "resolver/rebinding.h"

#include <gtest/gtest.h>

#include "tests/support/dns_messages.h"

namespace rampart::resolver {
namespace {

using dns::RrType;
using testing::Bytes;
using testing::MessageBuilder;
using testing::record;
using testing::u16;

Bytes octets(const char* address) {
  const auto parsed = base::IpAddress::parse(address).value();
  const base::ByteView view = parsed.octets();
  return Bytes(view.begin(), view.end());
}
Bytes mapped_octets(const char* address) {
  const auto parsed = base::IpAddress::parse(address).value();
  return Bytes(parsed.mapped().begin(), parsed.mapped().end());
}
Bytes answer_with(const Bytes& rr) {
  return MessageBuilder().flags(0x8180).question("www.example.org", RrType::kA).answer(rr).build();
}
dns::Name name(const char* text) { return dns::Name::parse(text).value(); }

std::optional<base::IpAddress> found_in(const Bytes& wire) {
  const auto message = dns::MessageView::parse(wire);
  EXPECT_TRUE(message.ok());
  return message.ok() ? find_private_address(*message) : std::nullopt;
}

TEST(Rebinding, PrivateAddressesOfEitherFamilyAreFound) {
  for (const char* address : {"10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "127.0.0.1", "127.9.9.9",
                              "169.254.1.1", "0.0.0.0"}) {
    EXPECT_TRUE(found_in(answer_with(record("www.example.org", RrType::kA, 60, octets(address))))) << address;
    EXPECT_TRUE(found_in(answer_with(record("www.example.org", RrType::kAaaa, 60, mapped_octets(address))))) << address;
  }
  for (const char* address : {"fc00::1", "fd12:3456::1", "::1", "fe80::1", "febf::1", "::"})
    EXPECT_TRUE(found_in(answer_with(record("www.example.org", RrType::kAaaa, 60, octets(address))))) << address;
}

TEST(Rebinding, OtherAddressesAreNot) {
  for (const char* address : {"192.0.2.1", "8.8.8.8", "100.64.0.1", "224.0.0.1", "172.15.255.255", "172.32.0.1",
                              "198.51.100.1", "11.0.0.1", "192.169.0.1", "0.0.0.1", "255.255.255.255"}) {
    EXPECT_FALSE(found_in(answer_with(record("www.example.org", RrType::kA, 60, octets(address))))) << address;
  }
  for (const char* address : {"2001:db8::1", "64:ff9b::10.0.0.1", "ff02::1", "fec0::1", "::2"})
    EXPECT_FALSE(found_in(answer_with(record("www.example.org", RrType::kAaaa, 60, octets(address))))) << address;
}

TEST(Rebinding, EverySectionIsLookedAt) {
  const Bytes rr = record("ns.example.org", RrType::kA, 60, octets("192.168.0.1"));
  const auto base = [] { return MessageBuilder().flags(0x8180).question("www.example.org", RrType::kA); };
  EXPECT_TRUE(found_in(base().answer(rr).build()));
  EXPECT_TRUE(found_in(base().authority(rr).build()));
  EXPECT_TRUE(found_in(base().additional(rr).build()));
  const Bytes harmless = record("www.example.org", RrType::kA, 60, octets("192.0.2.1"));
  EXPECT_TRUE(found_in(base().answer(harmless).answer(harmless).answer(rr).build())) << "not only the first record";
  EXPECT_FALSE(found_in(base().answer(harmless).build()));
  EXPECT_FALSE(found_in(base().build()));
}

TEST(Rebinding, HintsOfServiceBindingsAreLookedAt) {
  const auto service = [](unsigned key, const Bytes& value, const Bytes& target) {
    return u16(1) + target + u16(1) + u16(3) + Bytes{2, 'h', '2'} + u16(key) + u16(static_cast<unsigned>(value.size())) + value;
  };
  const Bytes alias = testing::wire_name("svc.example.net");
  for (const RrType type : {RrType::kSvcb, RrType::kHttps})
    for (const Bytes& target : {Bytes{0}, alias}) {
      const auto rr = [&](unsigned key, const Bytes& value) {
        return answer_with(record("www.example.org", type, 60, service(key, value, target)));
      };
      EXPECT_TRUE(found_in(rr(4, octets("192.0.2.1") + octets("10.0.0.1")))) << "the second hint";
      EXPECT_FALSE(found_in(rr(4, octets("192.0.2.1") + octets("192.0.2.2"))));
      EXPECT_TRUE(found_in(rr(6, octets("2001:db8::1") + octets("fd00::1"))));
      EXPECT_FALSE(found_in(rr(6, octets("2001:db8::1"))));
    }
  // Octets that only look like an address: a TXT record, another parameter.
  EXPECT_FALSE(found_in(answer_with(record("www.example.org", RrType::kTxt, 60, Bytes{4, 10, 0, 0, 1}))));
  EXPECT_FALSE(found_in(answer_with(record("www.example.org", RrType::kHttps, 60, service(7, octets("10.0.0.1"), {0})))));
}

TEST(RebindingGuard, AllowedDomainsAndNamesBelowThemPass) {
  const Bytes wire = answer_with(record("www.example.org", RrType::kA, 60, octets("192.168.1.5")));
  const auto message = dns::MessageView::parse(wire);
  ASSERT_TRUE(message.ok());
  EXPECT_EQ(RebindingGuard().inspect(name("www.example.org").view(), *message), base::IpAddress::parse("192.168.1.5"));
  const RebindingGuard guard({name("lan.example.com"), name("example.org")});
  EXPECT_FALSE(guard.inspect(name("example.org").view(), *message));
  EXPECT_FALSE(guard.inspect(name("WWW.Example.ORG").view(), *message));
  EXPECT_TRUE(guard.inspect(name("notexample.org").view(), *message)) << "only at a label";
  EXPECT_TRUE(guard.inspect(name("org").view(), *message));
}

}  // namespace
}  // namespace rampart::resolver
