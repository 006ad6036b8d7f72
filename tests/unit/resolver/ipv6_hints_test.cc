// Where AAAA is filtered, no IPv6 address reaches the client by hints of SVCB and HTTPS either, fresh or cached.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "resolver/custom_dns.h"
#include "tests/support/dns_messages.h"
#include "tests/support/pipeline_world.h"

namespace rampart {
namespace {

using dns::RrType;
using storage::Reason;
using test::make_query;
using testing::Bytes;
using testing::edns_option;
using testing::pointer_to;
using testing::record;
using testing::u16;
using testing::u32;
using testing::wire_name;
using ::testing::ElementsAre;

Bytes service(bool with_hint) {
  return u16(1) + Bytes{0} + (with_hint ? edns_option(0, u16(1) + u16(6)) : edns_option(0, u16(1))) +
         edns_option(1, {2, 'h', '2'}) + edns_option(4, {192, 0, 2, 1}) +
         (with_hint ? edns_option(6, Bytes(16, 0x20)) : Bytes{});
}

Bytes rrsig(RrType covered) {
  return u16(static_cast<unsigned>(covered)) + Bytes{13, 3} + u32(300) + u32(2000000000) + u32(1990000000) +
         u16(4711) + wire_name("example.org") + Bytes(64, 0x5a);
}

Bytes answer(RrType type, bool with_hint = true) {
  return testing::response_for("www.example.org", type)
      .flags(0x8180 | dns::kFlagAd)
      .answer(record(pointer_to(12), static_cast<unsigned>(type), 300, service(with_hint)))
      .answer(record(pointer_to(12), 46, 300, rrsig(type)))
      .authority(record(pointer_to(16), 2, 300, Bytes{2, 'n', 's'} + pointer_to(16)))
      .build();
}

constexpr const char* kBare = " 1 . mandatory=\"alpn\" alpn=\"h2\" ipv4hint=\"192.0.2.1\" ttl=300";
constexpr const char* kWhole =
    " 1 . mandatory=\"alpn,ipv6hint\" alpn=\"h2\" ipv4hint=\"192.0.2.1\" "
    "ipv6hint=\"2020:2020:2020:2020:2020:2020:2020:2020\" ttl=300";

class Ipv6Hints : public ::testing::Test {
 protected:
  void filter(RrType type) {
    world.policy().filters_types = true;
    world.policy().filtered_types.set(static_cast<std::uint16_t>(type));
  }
  test::PipelineWorld world;
};

TEST_F(Ipv6Hints, AreTakenOutOfFreshAndCachedAnswersWithWhatSignsThem) {
  filter(RrType::kAaaa);
  for (const auto& [type, name] : {std::pair{RrType::kHttps, "HTTPS"}, std::pair{RrType::kSvcb, "SVCB"}}) {
    const auto query = make_query("www.example.org", type, {.edns = true, .dnssec_ok = true});
    for (const Reason reason : {Reason::kResolved, Reason::kCached}) {
      const auto reply = world.resolve(query, answer(type));
      EXPECT_EQ(reply.reason, reason);
      EXPECT_THAT(reply.records, ElementsAre(name + std::string(kBare)));
      EXPECT_THAT(reply.authority, ElementsAre("NS ns.example.org. ttl=300"));
      EXPECT_FALSE(reply.flags() & dns::kFlagAd);
    }
  }
}

TEST_F(Ipv6Hints, StayForThoseWhoMayHaveAaaa) {
  const auto query = make_query("www.example.org", RrType::kHttps, {.edns = true, .dnssec_ok = true});
  filter(RrType::kMx);
  static_cast<void>(world.resolve(query, answer(RrType::kHttps)));
  const auto reply = world.ask_wire(query);
  ASSERT_EQ(reply.records.size(), 2u);
  EXPECT_EQ(reply.records[0], "HTTPS" + std::string(kWhole));
  EXPECT_TRUE(reply.flags() & dns::kFlagAd);
  // Nothing is lost for later: the cache has the answer whole.
  filter(RrType::kAaaa);
  EXPECT_THAT(world.ask_wire(query).records, ElementsAre("HTTPS" + std::string(kBare)));
}

TEST_F(Ipv6Hints, AnAnswerWithoutThemStaysAsItIs) {
  filter(RrType::kAaaa);
  const auto query = make_query("www.example.org", RrType::kHttps, {.edns = true, .dnssec_ok = true});
  const auto reply = world.resolve(query, answer(RrType::kHttps, false));
  EXPECT_EQ(reply.records.size(), 2u);
  EXPECT_TRUE(reply.flags() & dns::kFlagAd);
}

TEST_F(Ipv6Hints, AreTakenOutBehindADetourToo) {
  filter(RrType::kAaaa);
  const auto name = [](std::string_view text) { return *dns::Name::parse(text); };
  resolver::CustomDnsOptions options;
  options.zone = *dns::parse_zone("alias.example.net. 60 CNAME www.example.org.\n");
  options.rewrite = {{name("example.com"), name("example.org")}};
  world.policy().custom_dns = std::make_shared<const resolver::CustomDns>(world.policy().filter->key(), options);
  for (int i = 0; i < 2; ++i) {
    const auto alias = make_query("alias.example.net", RrType::kHttps);
    const auto rewritten = make_query("www.example.com", RrType::kHttps);
    const auto reply = world.resolve(rewritten, answer(RrType::kHttps));
    EXPECT_THAT(reply.records, ElementsAre("HTTPS" + std::string(kBare)));
    EXPECT_THAT(world.resolve(alias, answer(RrType::kHttps)).records,
                ElementsAre("CNAME www.example.org. ttl=60", "HTTPS" + std::string(kBare)));
  }
}

}  // namespace
}  // namespace rampart
