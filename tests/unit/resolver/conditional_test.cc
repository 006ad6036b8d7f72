#include "resolver/conditional.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dns/presentation.h"
#include "resolver/custom_dns.h"
#include "tests/support/pipeline_world.h"

namespace rampart {
namespace {

using dns::Rcode;
using dns::RrType;
using resolver::Conditional;
using resolver::ConditionalOptions;
using resolver::Disposition;
using resolver::Stage;
using storage::Reason;
using test::make_query;
using test::make_response;
using test::PipelineWorld;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

dns::Name name(std::string_view text) { return *dns::Name::parse(text); }

class ConditionalNames : public ::testing::Test {
 protected:
  /// A query as far as the pipeline takes it: who would be asked, and for what.
  struct Route {
    Disposition disposition;
    Stage stage;
    std::uint16_t group;
    std::string asked;
  };
  Route route(std::string_view qname, RrType type = RrType::kA) {
    query_ = make_query(qname, type);
    context_ = {};
    context_.wire = query_;
    context_.client = *base::IpAddress::parse("192.0.2.10");
    test::Bytes out(4096);
    std::size_t length = 0;
    const auto disposition = world.pipeline().answer(context_, world.policy(), world.now(), out, length);
    dns::FoldedName room;
    return {disposition, context_.ended_at, context_.upstream_group,
            to_text(name_for_upstreams(context_, world.policy(), room).view())};
  }
  void start() {
    world.policy().conditional = std::make_shared<const Conditional>(world.policy().filter->key(), options);
    world.policy().has_rewrite_fallback = options.fallback_upstream;
  }
  /// complete() for the query that route() left behind.
  PipelineWorld::Reply complete(const test::Bytes& response, bool is_final = false) {
    const auto message = dns::MessageView::parse(response);
    const resolver::ForwardResult result{resolver::ForwardOutcome::kAnswer, &*message, "tcp+udp:192.0.2.53"};
    test::Bytes out(4096);
    const auto length = world.pipeline().complete(context_, world.policy(), result, world.now(), out, is_final);
    PipelineWorld::Reply reply;
    reply.reason = context_.reason;
    reply.rcode = context_.rcode;
    reply.bytes.assign(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(length));
    if (length == 0) return reply;
    dns::MessageView::parse(reply.bytes)->for_each_record([&](const dns::RecordView& record) {
      reply.records.push_back(to_text(record.owner().view()) + " " + dns::to_text(record.type) + " " + dns::rdata_text(record));
      return true;
    });
    return reply;
  }

  ConditionalOptions options;
  PipelineWorld world{{{"ads", blocklists::Action::kDeny, "ads.corp.example\n"}}};
  test::Bytes query_;
  resolver::QueryContext context_;
};

TEST_F(ConditionalNames, LongestDomainDecidesAndHoldsForNamesBelow) {
  options.domains = {{name("corp.example"), 1}, {name("lab.corp.example"), 2}, {name("lan"), 3}};
  start();
  EXPECT_EQ(route("corp.example").group, 1);
  EXPECT_EQ(route("a.b.CORP.example").group, 1);
  EXPECT_EQ(route("x.lab.corp.example").group, 2);
  EXPECT_EQ(route("printer.lan").group, 3) << "before special-use names";
  EXPECT_EQ(route("printer.lan").stage, Stage::kConditional);
  EXPECT_EQ(route("notcorp.example").group, 0);
  EXPECT_EQ(route("notcorp.example").stage, Stage::kUpstream);
}

TEST_F(ConditionalNames, SingleLabelsBelongToTheDotAlone) {
  options.domains = {{name("lan"), 3}};
  start();
  EXPECT_EQ(route("lan").disposition, Disposition::kRespond) << "a special-use name";
  options.single_label_group = 4;
  start();
  EXPECT_EQ(route("lan").group, 4);
  EXPECT_EQ(route("printer").group, 4);
  EXPECT_EQ(route("www.example.org").group, 0);
}

TEST_F(ConditionalNames, BlockingComesFirstAndPrivateAddressesAreExpected) {
  options.domains = {{name("corp.example"), 1}};
  world.policy().rebinding.emplace();
  start();
  EXPECT_EQ(route("ads.corp.example").disposition, Disposition::kRespond);
  const auto query = make_query("nas.corp.example", RrType::kA);
  const auto response = make_response(query, Rcode::kNoError, {{"", RrType::kA, 300, test::a_rdata(10, 0, 0, 1)}});
  const auto reply = world.resolve(query, response);
  EXPECT_EQ(reply.reason, Reason::kConditional);
  EXPECT_THAT(reply.records, ElementsAre("A 10.0.0.1 ttl=300"));
}

TEST_F(ConditionalNames, AnswersAreNeitherCachedNorReadFromTheCache) {
  const auto query = make_query("www.corp.example", RrType::kA);
  const auto response = make_response(query, Rcode::kNoError, {{"", RrType::kA, 300, test::a_rdata(192, 0, 2, 1)}});
  EXPECT_EQ(world.resolve(query, response).reason, Reason::kResolved);
  EXPECT_EQ(world.ask_wire(query).reason, Reason::kCached);
  options.domains = {{name("corp.example"), 1}};
  start();
  EXPECT_EQ(world.resolve(query, response).reason, Reason::kConditional) << "also of before the reload";
  EXPECT_EQ(world.resolve(query, response).reason, Reason::kConditional);
}

TEST_F(ConditionalNames, FailureIsServfail) {
  options.domains = {{name("corp.example"), 1}};
  world.policy().cache.serve_stale = true;
  start();
  const auto reply = world.fail_upstream(make_query("www.corp.example", RrType::kA), resolver::ForwardOutcome::kTimeout);
  EXPECT_EQ(reply.rcode, 2);
  EXPECT_EQ(reply.reason, Reason::kUpstreamFailed);
}

TEST_F(ConditionalNames, RewritesWhatUpstreamsAreAskedAndRestoresTheOwner) {
  options.domains = {{name("corp.example"), 1}};
  options.rewrite = {{name("home"), name("corp.example")}, {name("alias.example"), name("example.org")}};
  start();
  const auto first = route("NAS.home");
  EXPECT_EQ(first.asked, "nas.corp.example");
  EXPECT_EQ(first.group, 1) << "of the rewritten name";
  const auto answer = make_response(make_query("nas.corp.example", RrType::kA), Rcode::kNoError,
                                    {{"", RrType::kA, 300, test::a_rdata(10, 0, 0, 1)}});
  const auto reply = complete(answer);
  EXPECT_EQ(reply.reason, Reason::kConditional);
  EXPECT_THAT(reply.records, ElementsAre("NAS.home A 10.0.0.1"));

  const auto other = route("www.alias.example");
  EXPECT_EQ(other.group, 0) << "no domain, so the default upstreams are asked for the rewritten name";
  EXPECT_EQ(other.asked, "www.example.org");
  EXPECT_EQ(complete(make_response(make_query("www.example.org", RrType::kA), Rcode::kNoError,
                                   {{"", RrType::kA, 300, test::a_rdata(192, 0, 2, 7)}}))
                .reason,
            Reason::kResolved);
  EXPECT_THAT(world.ask("www.alias.example").records, ElementsAre("A 192.0.2.7 ttl=300")) << "cached under its own name";
  EXPECT_EQ(world.ask("www.example.org").disposition, Disposition::kForward);
}

TEST_F(ConditionalNames, AnswersToAnotherQuestionAreUnusable) {
  options.rewrite = {{name("alias.example"), name("example.org")}};
  start();
  route("www.alias.example");
  EXPECT_EQ(complete(make_response(make_query("evil.example.org", RrType::kA), Rcode::kNoError,
                                   {{"", RrType::kA, 300, test::a_rdata(192, 0, 2, 7)}}))
                .rcode,
            2);
  EXPECT_EQ(world.counters().unusable_answers.value(), 1u);
}

TEST_F(ConditionalNames, FallbackAsksForTheOriginalNameWhereTheRewrittenOneHasNoAnswer) {
  options.rewrite = {{name("alias.example"), name("example.org")}};
  options.fallback_upstream = true;
  start();
  EXPECT_EQ(route("www.alias.example").asked, "www.example.org");
  const auto nothing = make_response(make_query("www.example.org", RrType::kA), Rcode::kNxDomain, {});
  EXPECT_THAT(complete(nothing).bytes, IsEmpty());
  test::Bytes out(4096);
  std::size_t length = 0;
  EXPECT_EQ(world.pipeline().ask_original(context_, world.policy(), world.now(), out, length), Disposition::kForward);
  dns::FoldedName room;
  EXPECT_EQ(to_text(name_for_upstreams(context_, world.policy(), room).view()), "www.alias.example");
  const auto query = make_query("www.alias.example", RrType::kA);
  EXPECT_THAT(complete(make_response(query, Rcode::kNoError, {{"", RrType::kA, 300, test::a_rdata(192, 0, 2, 9)}})).records,
              ElementsAre("www.alias.example A 192.0.2.9"));
  EXPECT_THAT(world.ask_wire(query).records, ElementsAre("A 192.0.2.9 ttl=300"));

  route("other.alias.example");
  const auto final_reply = complete(make_response(make_query("other.example.org", RrType::kA), Rcode::kNxDomain, {}), true);
  EXPECT_EQ(final_reply.rcode, 3) << "under a policy that was replaced nothing more is asked";
}

TEST_F(ConditionalNames, FallbackOfCustomDnsLooksEverywhereForTheOriginalName) {
  resolver::CustomDnsOptions custom;
  custom.rewrite = {{name("alias.example"), name("corp.example")}};
  custom.mapping = {{name("nas.corp.example"), {*base::IpAddress::parse("192.0.2.1")}},
                    {name("nas.alias.example"), {*base::IpAddress::parse("2001:db8::1")}}};
  custom.fallback_upstream = true;
  world.policy().custom_dns = std::make_shared<const resolver::CustomDns>(world.policy().filter->key(), custom);
  world.policy().has_rewrite_fallback = true;
  EXPECT_THAT(world.ask("nas.alias.example").records, ElementsAre("A 192.0.2.1 ttl=3600"));
  EXPECT_THAT(world.ask("nas.alias.example", RrType::kAaaa).records, ElementsAre("AAAA 2001:db8::1 ttl=3600"));
  EXPECT_EQ(world.ask("ads.alias.example").reason, Reason::kBlocked) << "a block is an answer";

  EXPECT_EQ(route("www.alias.example").asked, "www.corp.example");
  EXPECT_THAT(complete(make_response(make_query("www.corp.example", RrType::kA), Rcode::kNxDomain, {},
                                     {{"corp.example", RrType::kSoa, 900, test::soa_rdata("ns.corp.example", 60)}}))
                  .bytes,
              IsEmpty());
  EXPECT_EQ(route("www.alias.example").asked, "www.alias.example") << "the negative answer was cached";
}

}  // namespace
}  // namespace rampart
