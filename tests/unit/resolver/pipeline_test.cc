#include "resolver/pipeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "resolver/rate_limiter.h"
#include "tests/support/pipeline_world.h"

namespace rampart {
namespace {

using blocklists::Action;
using dns::Rcode;
using dns::RrType;
using resolver::BlockAnswer;
using resolver::Disposition;
using storage::Reason;
using test::AnswerRecord;
using test::make_query;
using test::make_response;
using test::PipelineWorld;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const std::vector<test::ListText> kAds = {{"ads", Action::kDeny, "ads.example.org\n*.tracker.example\n"}};

test::Bytes answer_a(const test::Bytes& query, std::uint32_t ttl = 300) {
  return make_response(query, Rcode::kNoError, {{"", RrType::kA, ttl, test::a_rdata(192, 0, 2, 1)}});
}

TEST(Pipeline, ForwardsWhatNobodyHereKnows) {
  PipelineWorld world(kAds);
  EXPECT_EQ(world.ask("www.example.org").disposition, Disposition::kForward);
}

TEST(Pipeline, BlocksExactNameWithZeroAddresses) {
  PipelineWorld world(kAds);
  const auto a = world.ask("ADS.example.org");
  EXPECT_EQ(a.reason, Reason::kBlocked);
  EXPECT_THAT(a.records, ElementsAre("A 0.0.0.0 ttl=21600"));
  EXPECT_THAT(world.ask("ads.example.org", RrType::kAaaa).records, ElementsAre("AAAA :: ttl=21600"));
  EXPECT_EQ(world.ask("sub.ads.example.org").disposition, Disposition::kForward);
}

TEST(Pipeline, BlocksWildcardBaseAndEverythingBelow) {
  PipelineWorld world(kAds);
  for (const char* name : {"tracker.example", "a.tracker.example", "b.a.tracker.example"})
    EXPECT_EQ(world.ask(name).reason, Reason::kBlocked) << name;
  EXPECT_EQ(world.ask("nottracker.example").disposition, Disposition::kForward);
}

TEST(Pipeline, BlocksOtherTypesWithNxdomain) {
  PipelineWorld world(kAds);
  const auto reply = world.ask("ads.example.org", RrType::kMx);
  EXPECT_EQ(reply.rcode, static_cast<std::uint16_t>(Rcode::kNxDomain));
  EXPECT_THAT(reply.authority, IsEmpty());
}

TEST(Pipeline, NxdomainBlockCarriesBlockysSoa) {
  PipelineWorld world(kAds);
  world.policy().block_answer.kind = BlockAnswer::Kind::kNxDomain;
  world.policy().block_ttl = 120;
  const auto reply = world.ask("ads.example.org");
  EXPECT_EQ(reply.rcode, static_cast<std::uint16_t>(Rcode::kNxDomain));
  EXPECT_THAT(reply.authority,
              ElementsAre("SOA blocky.local. hostmaster.blocky.local. 1 86400 7200 604800 120 ttl=120"));
}

TEST(Pipeline, CustomBlockAddressesFallBackToZeroForTheMissingFamily) {
  PipelineWorld world(kAds);
  world.policy().block_answer = {BlockAnswer::Kind::kAddresses, {*base::IpAddress::parse("192.168.1.1")}, {}};
  EXPECT_THAT(world.ask("ads.example.org").records, ElementsAre("A 192.168.1.1 ttl=21600"));
  EXPECT_THAT(world.ask("ads.example.org", RrType::kAaaa).records, ElementsAre("AAAA :: ttl=21600"));
}

TEST(Pipeline, AllowBeatsDenyAcrossGroups) {
  PipelineWorld world({{"ads", Action::kDeny, "*.example.org\n"}, {"kids", Action::kAllow, "good.example.org\n"},
                       {"kids", Action::kDeny, "bad.example\n"}});
  EXPECT_EQ(world.ask("good.example.org").disposition, Disposition::kForward);
  EXPECT_EQ(world.ask("other.example.org").reason, Reason::kBlocked);
}

TEST(Pipeline, AllowlistOnlyGroupBlocksEverythingElse) {
  PipelineWorld world({{"kids", Action::kAllow, "good.example.org\n"}});
  EXPECT_EQ(world.ask("good.example.org").disposition, Disposition::kForward);
  EXPECT_EQ(world.ask("other.example.org").reason, Reason::kBlockedAllowlistOnly);
}

TEST(Pipeline, GroupsThatAreSwitchedOffDoNotBlock) {
  PipelineWorld world(kAds);
  world.policy().active_groups = 0;
  EXPECT_EQ(world.ask("ads.example.org").disposition, Disposition::kForward);
}

TEST(Pipeline, FilteredTypeIsAnsweredEmptyBeforeAnyList) {
  PipelineWorld world(kAds);
  world.policy().filters_types = true;
  world.policy().filtered_types.set(static_cast<std::uint16_t>(RrType::kAaaa));
  const auto reply = world.ask("ads.example.org", RrType::kAaaa);
  EXPECT_EQ(reply.reason, Reason::kFilteredType);
  EXPECT_THAT(reply.records, IsEmpty());
  EXPECT_EQ(reply.rcode, 0);
}

TEST(Pipeline, NotFqdnIsAProperNxdomain) {
  PipelineWorld world;
  world.policy().fqdn_only = true;
  const auto query = make_query("printer", RrType::kA, {.id = 77});
  const auto reply = world.ask_wire(query);
  EXPECT_EQ(reply.reason, Reason::kNotFqdn);
  EXPECT_EQ(base::load_u16(reply.bytes.data()), 77);
  EXPECT_TRUE(reply.flags() & dns::kFlagQr);
  EXPECT_EQ(base::load_u16(reply.bytes.data() + 4), 1) << "the question is echoed";
}

TEST(Pipeline, CachedAnswerAgesAndKeepsTheClientsCase) {
  PipelineWorld world;
  const auto query = make_query("www.example.org", RrType::kA);
  EXPECT_EQ(world.resolve(query, answer_a(query)).reason, Reason::kResolved);
  world.pass(std::chrono::seconds(100));
  const auto again = make_query("WwW.eXample.org", RrType::kA, {.id = 9});
  const auto reply = world.ask_wire(again);
  EXPECT_EQ(reply.reason, Reason::kCached);
  EXPECT_THAT(reply.records, ElementsAre("A 192.0.2.1 ttl=200"));
  EXPECT_EQ(base::load_u16(reply.bytes.data()), 9);
  EXPECT_TRUE(std::equal(again.begin() + 12, again.end(), reply.bytes.begin() + 12));
  world.pass(std::chrono::seconds(201));
  EXPECT_EQ(world.ask_wire(again).disposition, Disposition::kForward) << "expires exactly";
}

TEST(Pipeline, TtlsAreClampedInTheFirstAnswerToo) {
  PipelineWorld world;
  world.policy().cache.min_ttl = 60;
  world.policy().cache.max_ttl = 120;
  const auto low = make_query("low.example.org", RrType::kA);
  EXPECT_THAT(world.resolve(low, answer_a(low, 2)).records, ElementsAre("A 192.0.2.1 ttl=60"));
  const auto high = make_query("high.example.org", RrType::kA);
  EXPECT_THAT(world.resolve(high, answer_a(high, 3600)).records, ElementsAre("A 192.0.2.1 ttl=120"));
}

TEST(Pipeline, NegativeAnswersLiveAsLongAsTheirSoaSays) {
  PipelineWorld world;
  const auto query = make_query("none.example.org", RrType::kA);
  const auto nxdomain = make_response(query, Rcode::kNxDomain, {},
                                      {{"example.org", RrType::kSoa, 900, test::soa_rdata("ns.example.org", 60)}});
  EXPECT_EQ(world.resolve(query, nxdomain).rcode, 3);
  EXPECT_EQ(world.ask_wire(query).reason, Reason::kCachedNegative);
  world.pass(std::chrono::seconds(61));
  EXPECT_EQ(world.ask_wire(query).disposition, Disposition::kForward);
}

TEST(Pipeline, NegativeCachingCanBeSwitchedOff) {
  PipelineWorld world;
  world.policy().cache.negative_ttl = 0;
  const auto query = make_query("none.example.org", RrType::kA);
  static_cast<void>(world.resolve(query, make_response(query, Rcode::kNxDomain, {})));
  EXPECT_EQ(world.ask_wire(query).disposition, Disposition::kForward);
}

TEST(Pipeline, ServfailIsNeverCached) {
  PipelineWorld world;
  const auto query = make_query("broken.example.org", RrType::kA);
  static_cast<void>(world.resolve(query, make_response(query, Rcode::kServFail, {})));
  EXPECT_EQ(world.ask_wire(query).disposition, Disposition::kForward);
}

TEST(Pipeline, BlocksByCnameTarget) {
  PipelineWorld world(kAds);
  const auto query = make_query("innocent.example.net", RrType::kA);
  const auto reply = world.resolve(
      query, make_response(query, Rcode::kNoError,
                           {{"", RrType::kCname, 300, test::wire_name("x.tracker.example")},
                            {"x.tracker.example", RrType::kA, 300, test::a_rdata(192, 0, 2, 1)}}));
  EXPECT_EQ(reply.reason, Reason::kBlockedCname);
  EXPECT_THAT(reply.records, ElementsAre("A 0.0.0.0 ttl=21600"));
  EXPECT_EQ(world.ask_wire(query).reason, Reason::kBlockedCname) << "from the cache too";
}

TEST(Pipeline, BlocksByAnswerAddress) {
  PipelineWorld world({{"bad", Action::kDeny, "192.0.2.0/24\n"}});
  const auto query = make_query("www.example.net", RrType::kA);
  EXPECT_EQ(world.resolve(query, answer_a(query)).reason, Reason::kBlockedIp);
}

TEST(Pipeline, OneClientsInspectionDoesNotDecideForAnother) {
  PipelineWorld world({{"ads", Action::kDeny, "*.tracker.example\n"}});
  world.policy().clients.default_groups = 0;
  world.policy().clients.rules.push_back({*base::IpRange::parse("192.0.2.66"), 1});
  world.pipeline().forget_clients();
  const auto query = make_query("innocent.example.net", RrType::kA);
  const auto response = make_response(query, Rcode::kNoError,
                                      {{"", RrType::kCname, 300, test::wire_name("x.tracker.example")}});
  EXPECT_EQ(world.resolve(query, response, "192.0.2.1").reason, Reason::kResolved);
  EXPECT_EQ(world.ask_wire(query, "192.0.2.1").reason, Reason::kCached);
  EXPECT_EQ(world.ask_wire(query, "192.0.2.66").reason, Reason::kBlockedCname);
}

TEST(Pipeline, NewListsApplyToAnswersThatAreAlreadyCached) {
  PipelineWorld world({{"ads", Action::kDeny, "unrelated.example\n"}});
  const auto query = make_query("innocent.example.net", RrType::kA);
  const auto response = make_response(query, Rcode::kNoError,
                                      {{"", RrType::kCname, 300, test::wire_name("x.tracker.example")}});
  EXPECT_EQ(world.resolve(query, response).reason, Reason::kResolved);
  world.republish({{"ads", Action::kDeny, "*.tracker.example\n"}});
  EXPECT_EQ(world.ask_wire(query).reason, Reason::kBlockedCname);
}

TEST(Pipeline, RateLimitDropsInSilenceAndCountsButNotTheHealthcheck) {
  PipelineWorld world(kAds);
  resolver::RateLimitOptions options;
  options.rate = 1;
  options.burst = 2;
  world.policy().rate_limiter = std::make_shared<resolver::RateLimiter>(options, base::HashKey{1, 2});
  EXPECT_EQ(world.ask("ads.example.org").reason, Reason::kBlocked);
  EXPECT_EQ(world.ask("ads.example.org").reason, Reason::kBlocked);
  const auto dropped = world.ask("ads.example.org");
  EXPECT_EQ(dropped.disposition, Disposition::kDrop);
  EXPECT_EQ(dropped.reason, Reason::kRateLimited);
  EXPECT_EQ(world.counters().rate_limited_udp.value(), 1u);
  EXPECT_EQ(world.ask("healthcheck.blocky").reason, Reason::kHealthcheck);
  EXPECT_EQ(world.ask("ads.example.org", RrType::kA, {}, "192.0.2.11").reason, Reason::kBlocked) << "another client";
  world.pass(std::chrono::seconds(1));
  EXPECT_EQ(world.ask("ads.example.org").reason, Reason::kBlocked);
}

TEST(Pipeline, ReportsOfRateLimitDropsHaveABound) {
  PipelineWorld world(kAds);
  resolver::RateLimitOptions options;
  options.rate = 1;
  options.burst = 1;
  world.policy().rate_limiter = std::make_shared<resolver::RateLimiter>(options, base::HashKey{1, 2});
  constexpr unsigned kClients = resolver::RateGate::kReportsPerSecond + 5;
  for (unsigned i = 0; i < 2 * kClients; ++i)
    static_cast<void>(world.ask("ads.example.org", RrType::kA, {}, "192.0.2." + std::to_string(1 + i / 2)));
  EXPECT_EQ(world.counters().rate_limited_udp.value(), kClients);
  EXPECT_EQ(world.counters().rate_reports_dropped.value(), 5u);
}

TEST(Pipeline, PrivateAddressesOfPublicNamesAreTakenAwayFreshAndCached) {
  PipelineWorld world;
  world.policy().rebinding.emplace(std::vector<dns::Name>{*dns::Name::parse("home.example.org")});
  const auto query = make_query("evil.example.org", RrType::kA, {.edns = true});
  const auto response = make_response(query, Rcode::kNoError, {{"", RrType::kA, 300, test::a_rdata(192, 168, 1, 1)}});
  for (int round = 0; round < 2; ++round) {
    const auto reply = world.resolve(query, response);
    EXPECT_EQ(reply.reason, Reason::kRebinding);
    EXPECT_EQ(reply.rcode, 0);
    EXPECT_THAT(reply.records, IsEmpty());
  }
  EXPECT_EQ(world.counters().cache_hits.value(), 1u);
  const auto allowed = make_query("nas.home.example.org", RrType::kA);
  EXPECT_EQ(world.resolve(allowed, make_response(allowed, Rcode::kNoError,
                                                 {{"", RrType::kA, 300, test::a_rdata(192, 168, 1, 1)}})).reason,
            Reason::kResolved);
  EXPECT_EQ(world.ask_wire(allowed).reason, Reason::kCached);
}

TEST(Pipeline, RebindingProtectionAppliesToAnswersCachedBeforeItCameIntoForce) {
  PipelineWorld world;
  const auto query = make_query("evil.example.org", RrType::kA);
  const auto response = make_response(query, Rcode::kNoError, {{"", RrType::kA, 300, test::a_rdata(10, 0, 0, 1)}});
  EXPECT_EQ(world.resolve(query, response).reason, Reason::kResolved);
  world.policy().rebinding.emplace();
  world.republish({});
  EXPECT_EQ(world.ask_wire(query).reason, Reason::kRebinding);
}

TEST(Pipeline, SpecialUseNamesStayHome) {
  PipelineWorld world;
  EXPECT_THAT(world.ask("something.localhost").records, ElementsAre("A 127.0.0.1 ttl=0"));
  for (const char* name : {"x.invalid", "host.local", "x.test", "y.onion", "printer.lan", "1.168.192.in-addr.arpa",
                           "1.16.172.in-addr.arpa", "home.arpa"})
    EXPECT_EQ(world.ask(name).rcode, 3) << name;
  EXPECT_EQ(world.ask("1.15.172.in-addr.arpa").disposition, Disposition::kForward);
  EXPECT_EQ(world.ask("home.arpa", RrType::kDs).disposition, Disposition::kForward);
  EXPECT_EQ(world.ask("_dns.resolver.arpa", RrType::kSvcb).rcode, 0);
  world.policy().special_use_appendix_g = false;
  EXPECT_EQ(world.ask("printer.lan").disposition, Disposition::kForward);
  EXPECT_EQ(world.ask("x.invalid").rcode, 3);
}

TEST(Pipeline, HealthcheckBypassesPolicy) {
  PipelineWorld world({{"kids", Action::kAllow, "good.example.org\n"}});
  const auto reply = world.ask("healthcheck.blocky");
  EXPECT_EQ(reply.reason, Reason::kHealthcheck);
  EXPECT_EQ(reply.rcode, 0);
}

TEST(Pipeline, FailedUpstreamsGiveServfail) {
  PipelineWorld world;
  const auto query = make_query("www.example.org", RrType::kA, {.edns = true});
  world.policy().extended_errors = true;
  const auto reply = world.fail_upstream(query, resolver::ForwardOutcome::kTimeout);
  EXPECT_EQ(reply.rcode, 2);
  EXPECT_EQ(reply.reason, Reason::kUpstreamFailed);
  const std::string bytes(reply.bytes.begin(), reply.bytes.end());
  EXPECT_NE(bytes.find(std::string("\0\x16", 2)), std::string::npos) << "EDE 22";
}

TEST(Pipeline, StaleAnswersOnlyOnFailureAndOnlyWhenConfigured) {
  resolver::CacheOptions options;
  options.stale_max = std::chrono::hours(1);
  PipelineWorld world({}, options);
  const auto query = make_query("www.example.org", RrType::kA);
  static_cast<void>(world.resolve(query, answer_a(query, 10)));
  world.pass(std::chrono::seconds(60));
  EXPECT_EQ(world.fail_upstream(query, resolver::ForwardOutcome::kTimeout).rcode, 2);
  world.policy().cache.serve_stale = true;
  const auto stale = world.fail_upstream(query, resolver::ForwardOutcome::kTimeout);
  EXPECT_EQ(stale.reason, Reason::kCachedStale);
  EXPECT_THAT(stale.records, ElementsAre("A 192.0.2.1 ttl=30"));
  world.pass(std::chrono::hours(2));
  EXPECT_EQ(world.fail_upstream(query, resolver::ForwardOutcome::kTimeout).rcode, 2) << "capped";
}

TEST(Pipeline, DnssecAnswersAreNotServedToClientsWithoutDo) {
  PipelineWorld world;
  const auto signed_query = make_query("www.example.org", RrType::kA, {.edns = true, .dnssec_ok = true});
  static_cast<void>(world.resolve(signed_query, answer_a(signed_query)));
  EXPECT_EQ(world.ask("www.example.org").disposition, Disposition::kForward);
  EXPECT_EQ(world.ask_wire(signed_query).reason, Reason::kCached);
}

TEST(Pipeline, AnswersToEdnsClientsHaveAnOptAndOthersNone) {
  PipelineWorld world;
  const auto query = make_query("www.example.org", RrType::kA);
  static_cast<void>(world.resolve(query, answer_a(query)));
  EXPECT_EQ(base::load_u16(world.ask_wire(query).bytes.data() + 10), 0);
  EXPECT_EQ(base::load_u16(world.ask("www.example.org", RrType::kA, {.edns = true}).bytes.data() + 10), 1);
}

TEST(Pipeline, LargeCachedAnswerIsTruncatedToTheClientsSize) {
  PipelineWorld world;
  const auto query = make_query("big.example.org", RrType::kA);
  std::vector<AnswerRecord> records(60, {"", RrType::kA, 300, test::a_rdata(192, 0, 2, 7)});
  static_cast<void>(world.resolve(query, make_response(query, Rcode::kNoError, records)));
  const auto small = world.ask_wire(query);
  EXPECT_LE(small.bytes.size(), 512u);
  EXPECT_TRUE(small.flags() & dns::kFlagTc);
  const auto over_tcp = world.ask_wire(query, "192.0.2.10", resolver::Protocol::kTcp);
  EXPECT_EQ(over_tcp.records.size(), 60u);
  EXPECT_FALSE(over_tcp.flags() & dns::kFlagTc);
}

TEST(Pipeline, OtherClassesAndMetaTypesAreRefused) {
  PipelineWorld world;
  EXPECT_EQ(world.ask("www.example.org", RrType::kA, {.qclass = dns::RrClass::kHs}).rcode, 5);
  EXPECT_EQ(world.ask("example.org", RrType::kAxfr).rcode, 5);
}

TEST(Pipeline, VersionIsTextOnlyWhenConfigured) {
  PipelineWorld world;
  const test::QueryOptions chaos{.qclass = dns::RrClass::kCh};
  EXPECT_EQ(world.ask("version.bind", RrType::kTxt, chaos).rcode, 5);
  world.policy().version_text = "rampart";
  EXPECT_THAT(world.ask("version.bind", RrType::kTxt, chaos).records, ElementsAre("TXT \"rampart\" ttl=0"));
  EXPECT_EQ(world.ask("id.server", RrType::kTxt, chaos).rcode, 5);
}

TEST(Pipeline, AnyIsAnsweredMinimally) {
  PipelineWorld world;
  const auto reply = world.ask("example.org", RrType::kAny);
  EXPECT_EQ(reply.reason, Reason::kMinimalAny);
  EXPECT_EQ(reply.records.size(), 1u);
}

TEST(Pipeline, ResponsesAreNeverAnswered) {
  PipelineWorld world;
  EXPECT_EQ(world.ask("example.org", RrType::kA, {.flags = dns::kFlagQr}).disposition, Disposition::kDrop);
}

TEST(Pipeline, EveryEndIsCounted) {
  PipelineWorld world(kAds);
  static_cast<void>(world.ask("ads.example.org"));
  EXPECT_EQ(world.counters().responses[static_cast<std::size_t>(Reason::kBlocked)][0].value(), 1u);
  EXPECT_EQ(world.counters().queries_by_type[1].value(), 1u);
}

}  // namespace
}  // namespace rampart
