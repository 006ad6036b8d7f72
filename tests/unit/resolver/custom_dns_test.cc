#include "resolver/custom_dns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/pipeline_world.h"

namespace rampart {
namespace {

using dns::Rcode;
using dns::RrType;
using resolver::CustomDns;
using resolver::CustomDnsOptions;
using resolver::Disposition;
using storage::Reason;
using test::make_query;
using test::make_response;
using test::PipelineWorld;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

dns::Name name(std::string_view text) { return *dns::Name::parse(text); }

class CustomNames : public ::testing::Test {
 protected:
  void map(std::string_view owner, std::vector<std::string> addresses) {
    std::vector<base::IpAddress> parsed;
    for (const auto& address : addresses) parsed.push_back(*base::IpAddress::parse(address));
    options.mapping.emplace_back(name(owner), parsed);
  }
  void zone(std::string_view text) {
    auto records = dns::parse_zone(text);
    ASSERT_TRUE(records.ok()) << records.error()[0].what;
    options.zone = std::move(records).value();
  }
  PipelineWorld& start() {
    world.policy().custom_dns = std::make_shared<const CustomDns>(world.policy().filter->key(), options);
    return world;
  }
  static std::vector<std::string> owners(const PipelineWorld::Reply& reply) {
    std::vector<std::string> all;
    dns::MessageView::parse(reply.bytes)->for_each_record([&](const dns::RecordView& record) {
      if (record.type != RrType::kOpt) all.push_back(to_text(record.owner().view()));
      return true;
    });
    return all;
  }

  CustomDnsOptions options;
  PipelineWorld world{{{"ads", blocklists::Action::kDeny, "ads.example.net\nmapped.example.org\n"}}};
};

TEST_F(CustomNames, MappedNameAndNamesBelowItAnswerInTheClientsCase) {
  map("nas.example.org", {"192.168.1.2", "192.168.1.3", "2001:db8::2"});
  options.ttl = 300;
  start();
  const auto reply = world.ask("NAS.example.ORG");
  EXPECT_EQ(reply.reason, Reason::kCustomDns);
  EXPECT_EQ(reply.rcode, 0);
  EXPECT_THAT(reply.records, ElementsAre("A 192.168.1.2 ttl=300", "A 192.168.1.3 ttl=300"));
  EXPECT_THAT(owners(reply), ElementsAre("NAS.example.ORG", "NAS.example.ORG"));
  EXPECT_THAT(world.ask("a.b.nas.example.org", RrType::kAaaa).records, ElementsAre("AAAA 2001:db8::2 ttl=300"));
  EXPECT_EQ(world.ask("example.org").disposition, Disposition::kForward);
  EXPECT_EQ(world.ask("mynas.example.org").disposition, Disposition::kForward) << "labels, not letters";
}

TEST_F(CustomNames, LongestNameWins) {
  map("example.org", {"192.0.2.1"});
  map("www.example.org", {"192.0.2.2"});
  start();
  EXPECT_THAT(world.ask("x.www.example.org").records, ElementsAre("A 192.0.2.2 ttl=3600"));
  EXPECT_THAT(world.ask("x.example.org").records, ElementsAre("A 192.0.2.1 ttl=3600"));
}

TEST_F(CustomNames, BeatBlockingRebindingProtectionAndSpecialUseNames) {
  map("mapped.example.org", {"10.0.0.1"});
  map("printer.lan", {"10.0.0.2"});
  world.policy().rebinding.emplace();
  start();
  EXPECT_THAT(world.ask("mapped.example.org").records, ElementsAre("A 10.0.0.1 ttl=3600"));
  EXPECT_THAT(world.ask("printer.lan").records, ElementsAre("A 10.0.0.2 ttl=3600"));
}

TEST_F(CustomNames, FilteredTypesAndSingleLabelsComeBefore) {
  map("printer", {"10.0.0.2"});
  world.policy().fqdn_only = true;
  start();
  EXPECT_EQ(world.ask("printer").reason, Reason::kNotFqdn);
  world.policy().fqdn_only = false;
  EXPECT_EQ(world.ask("printer").reason, Reason::kCustomDns);
  world.policy().filters_types = true;
  world.policy().filtered_types.set(1);
  EXPECT_EQ(world.ask("printer").reason, Reason::kFilteredType);
}

TEST_F(CustomNames, UnmappedTypesAreEmptyOrGoOn) {
  map("nas.example.org", {"192.168.1.2"});
  start();
  const auto reply = world.ask("nas.example.org", RrType::kAaaa);
  EXPECT_EQ(reply.reason, Reason::kCustomDns);
  EXPECT_EQ(reply.rcode, 0);
  EXPECT_THAT(reply.records, IsEmpty());
  options.filter_unmapped_types = false;
  start();
  EXPECT_EQ(world.ask("nas.example.org", RrType::kAaaa).disposition, Disposition::kForward);
  EXPECT_EQ(world.ask("nas.example.org").reason, Reason::kCustomDns);
}

TEST_F(CustomNames, ZoneRecordsOfAnyTypeReplaceTheMappingOfTheirName) {
  map("both.example.org", {"192.0.2.1"});
  zone("$TTL 60\nboth.example.org. A 192.0.2.9\nboth.example.org. TXT \"hello\"\n"
       "both.example.org. MX 5 mail.example.org.\n_s._tcp.example.org. SRV 1 2 3 both.example.org.\n");
  start();
  EXPECT_THAT(world.ask("both.example.org").records, ElementsAre("A 192.0.2.9 ttl=60"));
  EXPECT_THAT(world.ask("both.example.org", RrType::kTxt).records, ElementsAre("TXT \"hello\" ttl=60"));
  EXPECT_THAT(world.ask("both.example.org", RrType::kMx).records, ElementsAre("MX 5 mail.example.org. ttl=60"));
  EXPECT_THAT(world.ask("_s._tcp.example.org", RrType::kSrv).records,
              ElementsAre("SRV 1 2 3 both.example.org. ttl=60"));
  EXPECT_EQ(world.ask("1.2.0.192.in-addr.arpa", RrType::kPtr).disposition, Disposition::kForward)
      << "an address that is no longer in force has no name";
}

TEST_F(CustomNames, AddressesAreKnownBackwards) {
  map("a.example.org", {"192.168.178.1", "2001:db8::1"});
  map("b.example.org", {"192.168.178.1"});
  zone("c.example.org. 60 A 192.168.178.1\n");
  options.ttl = 77;
  start();
  const auto reply = world.ask("1.178.168.192.in-addr.arpa", RrType::kPtr);
  EXPECT_EQ(reply.reason, Reason::kCustomDns);
  EXPECT_THAT(reply.records,
              ElementsAre("PTR c.example.org. ttl=77", "PTR a.example.org. ttl=77", "PTR b.example.org. ttl=77"));
  EXPECT_THAT(world.ask("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.B.d.0.1.0.0.2.ip6.arpa", RrType::kPtr).records,
              ElementsAre("PTR a.example.org. ttl=77"));
  EXPECT_EQ(world.ask("1.178.168.192.in-addr.arpa", RrType::kA).reason, Reason::kSpecialUse) << "only PTR is ours";
  EXPECT_EQ(world.ask("5.1.178.168.192.in-addr.arpa", RrType::kPtr).reason, Reason::kSpecialUse) << "exactly";
  EXPECT_THAT(world.policy().custom_dns->names_of(*base::IpAddress::parse("192.168.178.1")),
              ElementsAre("c.example.org", "a.example.org", "b.example.org"));
  EXPECT_THAT(world.policy().custom_dns->names_of(*base::IpAddress::parse("192.168.178.2")), IsEmpty());
}

TEST_F(CustomNames, CnameIsFollowedAmongOurNames) {
  map("host.example.org", {"192.0.2.7"});
  zone("$TTL 60\nwww.example.org. CNAME web.example.org.\nweb.example.org. CNAME host.example.org.\n");
  start();
  const auto reply = world.ask("WWW.example.org");
  EXPECT_EQ(reply.reason, Reason::kCustomDns);
  EXPECT_THAT(reply.records, ElementsAre("CNAME web.example.org. ttl=60", "CNAME host.example.org. ttl=60",
                                         "A 192.0.2.7 ttl=3600"));
  EXPECT_THAT(owners(reply), ElementsAre("WWW.example.org", "web.example.org", "host.example.org"));
  EXPECT_THAT(world.ask("www.example.org", RrType::kCname).records, ElementsAre("CNAME web.example.org. ttl=60"));
  EXPECT_THAT(world.ask("www.example.org", RrType::kAaaa).records,
              ElementsAre("CNAME web.example.org. ttl=60", "CNAME host.example.org. ttl=60"));
}

TEST_F(CustomNames, LoopsAndEndlessChainsAreServfail) {
  zone("$TTL 60\na.example.org. CNAME b.example.org.\nb.example.org. CNAME a.example.org.\n"
       "self.example.org. CNAME x.self.example.org.\n$GENERATE 1-16 c$.example.org. CNAME c${1}.example.org.\n"
       "c17.example.org. A 192.0.2.1\n");
  start();
  for (const char* asked : {"a.example.org", "self.example.org"}) {
    const auto reply = world.ask(asked);
    EXPECT_EQ(reply.rcode, 2) << asked;
    EXPECT_EQ(reply.reason, Reason::kCustomDns);
    EXPECT_THAT(reply.records, IsEmpty());
  }
  EXPECT_EQ(world.counters().cname_chains_cut.value(), 2u);
  const auto longest = world.ask_wire(make_query("c1.example.org", RrType::kA), "192.0.2.10", resolver::Protocol::kTcp);
  EXPECT_EQ(longest.records.size(), CustomDns::kCnamesMax + 1) << "the longest chain that is followed";
}

TEST_F(CustomNames, CnameThatLeavesIsFollowedUpstreamAndFromTheCache) {
  zone("www.example.org. 60 CNAME outside.example.net.\n");
  start();
  const auto query = make_query("wWw.example.org", RrType::kA, {.id = 7, .edns = true});
  const auto target = make_query("outside.example.net", RrType::kA);
  const auto answer = make_response(target, Rcode::kNoError, {{"", RrType::kA, 300, test::a_rdata(192, 0, 2, 80)}});
  for (int round = 0; round < 2; ++round) {
    const auto reply = world.resolve(query, answer);
    EXPECT_EQ(reply.reason, Reason::kCustomDns);
    EXPECT_THAT(reply.records, ElementsAre("CNAME outside.example.net. ttl=60", "A 192.0.2.80 ttl=300"));
    EXPECT_THAT(owners(reply), ElementsAre("wWw.example.org", "outside.example.net"));
    EXPECT_EQ(base::load_u16(reply.bytes.data()), 7);
    EXPECT_EQ(world.counters().cache_hits.value(), static_cast<unsigned>(round));
  }
  EXPECT_EQ(world.ask("outside.example.net").reason, Reason::kCached) << "stored under its own name";
}

TEST_F(CustomNames, EndsOfChainsAreJudgedLikeAnyName) {
  zone("$TTL 60\nblocked.example.org. CNAME ads.example.net.\nnone.example.org. CNAME none.example.net.\n"
       "local.example.org. CNAME x.localhost.\n");
  start();
  const auto blocked = world.ask("blocked.example.org");
  EXPECT_THAT(blocked.records, ElementsAre("CNAME ads.example.net. ttl=60", "A 0.0.0.0 ttl=21600"));
  EXPECT_THAT(owners(blocked), ElementsAre("blocked.example.org", "ads.example.net"));
  EXPECT_THAT(world.ask("local.example.org").records, ElementsAre("CNAME x.localhost. ttl=60", "A 127.0.0.1 ttl=0"));
  const auto query = make_query("none.example.org", RrType::kA);
  const auto none = world.resolve(query, make_response(make_query("none.example.net", RrType::kA), Rcode::kNxDomain, {}));
  EXPECT_EQ(none.rcode, 0) << "the chain itself exists";
  EXPECT_THAT(none.records, ElementsAre("CNAME none.example.net. ttl=60"));
  EXPECT_EQ(world.fail_upstream(make_query("none.example.org", RrType::kMx), resolver::ForwardOutcome::kTimeout).rcode, 2);
}

TEST_F(CustomNames, RewritesSuffixesForAllStagesAndRestoresTheOwner) {
  options.rewrite = {{name("home"), name("example.org")}, {name("lab.home"), name("example.net")}};
  map("nas.example.org", {"192.168.1.2"});
  start();
  const auto ours = world.ask("NAS.home");
  EXPECT_EQ(ours.reason, Reason::kCustomDns);
  EXPECT_THAT(ours.records, ElementsAre("A 192.168.1.2 ttl=3600"));
  EXPECT_THAT(owners(ours), ElementsAre("NAS.home"));
  EXPECT_EQ(world.ask("ads.lab.home").reason, Reason::kBlocked) << "the longest key, before blocking";
  EXPECT_EQ(world.ask("home").reason, Reason::kSpecialUse) << "the key itself stays";

  const auto query = make_query("www.home", RrType::kA, {.edns = true});
  const auto answer = make_response(make_query("www.example.org", RrType::kA), Rcode::kNoError,
                                    {{"", RrType::kCname, 300, test::wire_name("cdn.example.com")},
                                     {"cdn.example.com", RrType::kA, 300, test::a_rdata(192, 0, 2, 1)}});
  EXPECT_EQ(world.resolve(query, answer).reason, Reason::kResolved);
  const auto cached = world.ask_wire(query);
  EXPECT_EQ(cached.reason, Reason::kCached);
  EXPECT_THAT(cached.records, ElementsAre("CNAME cdn.example.com. ttl=300", "A 192.0.2.1 ttl=300"));
  EXPECT_THAT(owners(cached), ElementsAre("www.home", "cdn.example.com"));
  EXPECT_EQ(world.ask("www.example.org").reason, Reason::kCached) << "one entry for both names";
}

TEST_F(CustomNames, NamesThatWouldGrowTooLongAreNotRewritten) {
  const std::string label(60, 'a');
  options.rewrite = {{name("s"), name(label + "." + label)}};
  start();
  const auto reply = world.ask(label + "." + label + "." + label + ".s");
  EXPECT_EQ(reply.disposition, Disposition::kForward);
  EXPECT_EQ(reply.rcode, 0);
}

TEST_F(CustomNames, LongAnswersAreTruncatedOverUdpAndWholeOverTcp) {
  std::vector<std::string> addresses;
  for (int i = 1; i <= 100; ++i) addresses.push_back("192.0.2." + std::to_string(i));
  map("many.example.org", addresses);
  start();
  const auto query = make_query("many.example.org", RrType::kA);
  EXPECT_TRUE(world.ask_wire(query).flags() & dns::kFlagTc);
  EXPECT_EQ(world.ask_wire(query, "192.0.2.10", resolver::Protocol::kTcp).records.size(), 100u);
}

TEST_F(CustomNames, ExtendedErrorSaysForged) {
  map("nas.example.org", {"192.168.1.2"});
  world.policy().extended_errors = true;
  start();
  const auto reply = world.ask("nas.example.org", RrType::kA, {.edns = true});
  const std::string wire(reply.bytes.begin(), reply.bytes.end());
  EXPECT_NE(wire.find(std::string("\x00\x04", 2) + "CUSTOM DNS"), std::string::npos);
}

}  // namespace
}  // namespace rampart
