// RFC 1034 3.6.2: what a CNAME of our own means to those who ask, whoever knows its target.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dns/presentation.h"
#include "resolver/custom_dns.h"
#include "tests/support/pipeline_world.h"

namespace rampart {
namespace {

using dns::Rcode;
using dns::RrType;
using ::testing::ElementsAre;

class Cname : public ::testing::Test {
 protected:
  Cname() {
    resolver::CustomDnsOptions options;
    auto records = dns::parse_zone("$ORIGIN example.org.\n$TTL 60\nhost A 192.0.2.1\nhost MX 10 host\n"
                                   "alias CNAME host\nfar CNAME target.example.net.\nloop CNAME pool\npool CNAME loop\n");
    if (!records.ok()) throw std::runtime_error(records.error()[0].what);
    options.zone = std::move(records).value();
    world.policy().custom_dns = std::make_shared<const resolver::CustomDns>(world.policy().filter->key(), options);
  }
  static std::vector<std::string> records_of(const test::Bytes& wire) {
    std::vector<std::string> all;
    dns::MessageView::parse(wire)->for_each_record([&](const dns::RecordView& record) {
      all.push_back(to_text(record.owner().view()) + " " + dns::to_text(record.type) + " " + rdata_text(record));
      return true;
    });
    return all;
  }
  test::PipelineWorld world;
};

TEST_F(Cname, AnotherTypeIsAnsweredByTheAliasAndTheDataOfItsTarget) {
  EXPECT_THAT(records_of(world.ask("alias.example.org").bytes),
              ElementsAre("alias.example.org CNAME host.example.org.", "host.example.org A 192.0.2.1"));
  EXPECT_THAT(records_of(world.ask("alias.example.org", RrType::kMx).bytes),
              ElementsAre("alias.example.org CNAME host.example.org.", "host.example.org MX 10 host.example.org."));
}

TEST_F(Cname, TheTypeCnameIsNotFollowed) {
  EXPECT_THAT(records_of(world.ask("alias.example.org", RrType::kCname).bytes),
              ElementsAre("alias.example.org CNAME host.example.org."));
}

TEST_F(Cname, TheChainGoesOnThroughAliasesOfOthers) {
  const auto query = test::make_query("far.example.org", RrType::kA, {.edns = true});
  const auto answer = test::make_response(test::make_query("target.example.net", RrType::kA), Rcode::kNoError,
                                          {{"", RrType::kCname, 30, test::wire_name("end.example.com")},
                                           {"end.example.com", RrType::kA, 30, test::a_rdata(192, 0, 2, 9)}});
  const auto reply = world.resolve(query, answer);
  const auto records = records_of(reply.bytes);
  ASSERT_EQ(records.size(), 4u) << "three records and OPT";
  EXPECT_THAT(std::vector<std::string>(records.begin(), records.begin() + 3),
              ElementsAre("far.example.org CNAME target.example.net.", "target.example.net CNAME end.example.com.",
                          "end.example.com A 192.0.2.9"));
}

TEST_F(Cname, LoopsAreAnError) {
  EXPECT_EQ(world.ask("loop.example.org").rcode, 2);
  EXPECT_THAT(records_of(world.ask("loop.example.org", RrType::kCname).bytes),
              ElementsAre("loop.example.org CNAME pool.example.org."));
}

}  // namespace
}  // namespace rampart
