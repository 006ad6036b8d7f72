// RFC 6891: EDNS(0) between client and server.
#include <gtest/gtest.h>

#include "dns/message_view.h"
#include "dns/query_view.h"
#include "dns/response_writer.h"
#include "tests/support/dns_messages.h"
#include "tests/support/pipeline_world.h"

namespace rampart::dns {
namespace {

using testing::Bytes;
using testing::edns_option;
using testing::MessageBuilder;
using testing::opt_record;
using testing::query_for;
using testing::record;

MessageBuilder query() { return query_for("www.example.org", RrType::kA); }

Rcode rcode_of_refusal(const Bytes& wire) {
  const auto parsed = QueryView::parse(wire);
  EXPECT_FALSE(parsed);
  if (parsed) return Rcode::kNoError;
  std::uint8_t out[512];
  const auto response = MessageView::parse({out, error_response(wire, parsed.error(), out)});
  EXPECT_TRUE(response);
  return response->rcode();
}

TEST(Rfc6891Section6_1_1, MoreThanOneOptIsFormErr) {
  EXPECT_EQ(rcode_of_refusal(query().additional(opt_record()).additional(opt_record()).build()), Rcode::kFormErr);
}

TEST(Rfc6891Section6_1_1, OptMayStandAnywhereInTheAdditionalSection) {
  const Bytes other = record("key.example.org", static_cast<RrType>(250), 0, Bytes(16, 0));
  EXPECT_TRUE(QueryView::parse(query().additional(other).additional(opt_record()).build())->has_edns());
  EXPECT_TRUE(QueryView::parse(query().additional(opt_record()).additional(other).build())->has_edns());
}

TEST(Rfc6891Section6_1_2, TheOwnerOfOptIsTheRoot) {
  EXPECT_EQ(rcode_of_refusal(query().additional(record(testing::wire_name("x"), 41, 0, {}, 1232)).build()),
            Rcode::kFormErr);
}

TEST(Rfc6891Section6_1_2, OptionsThatWeDoNotKnowAreIgnored) {
  const Bytes wire =
      query().additional(opt_record(1232, 0, edns_option(65001, Bytes(7, 1)) + edns_option(26946, {}))).build();
  const auto parsed = QueryView::parse(wire);
  ASSERT_TRUE(parsed);
  std::uint8_t out[512];
  ResponseWriter writer(*parsed, out, 512);
  const auto response = MessageView::parse({out, writer.finish()});
  EXPECT_EQ(response->rcode(), Rcode::kNoError);
  response->for_each_record([](const RecordView& opt) {
    EXPECT_EQ(opt.rdata_length, 0);
    return true;
  });
}

TEST(Rfc6891Section6_1_3, BadVersIsCountedAsWhatItIsThoughTheHeaderHoldsZero) {
  test::PipelineWorld world;
  const Bytes wire = query_for("www.example.org", RrType::kA).additional(opt_record(1232, 0x00010000)).build();
  const auto reply = world.ask_wire(wire);
  EXPECT_EQ(reply.rcode, static_cast<std::uint16_t>(Rcode::kBadVers));
  const auto& counters = world.counters().responses[static_cast<std::size_t>(storage::Reason::kMalformed)];
  EXPECT_EQ(counters[resolver::rcode_slot(16)].value(), 1u);
  EXPECT_EQ(counters[0].value(), 0u);
}

TEST(Rfc6891Section6_1_3, HigherVersionsGetBadVersWithOurVersion) {
  for (const unsigned version : {1u, 2u, 255u}) {
    const Bytes wire = query().additional(opt_record(1232, version << 16)).build();
    EXPECT_EQ(rcode_of_refusal(wire), Rcode::kBadVers);
  }
}

TEST(Rfc6891Section6_1_4, UnknownFlagsAreIgnoredAndNotSentBack) {
  const Bytes wire = query().additional(opt_record(1232, 0xffff)).build();
  const auto parsed = QueryView::parse(wire);
  ASSERT_TRUE(parsed);
  EXPECT_TRUE(parsed->dnssec_ok());
  std::uint8_t out[512];
  ResponseWriter writer(*parsed, out, 512);
  MessageView::parse({out, writer.finish()})->for_each_record([](const RecordView& opt) {
    EXPECT_EQ(opt.ttl, 0x8000u);
    return true;
  });
}

TEST(Rfc6891Section6_2_3, PayloadBelow512IsReadAs512) {
  for (const unsigned payload : {0u, 1u, 511u, 512u}) {
    const Bytes wire = query().additional(opt_record(payload)).build();
    EXPECT_EQ(udp_size_limit(*QueryView::parse(wire)), 512u);
  }
}

TEST(Rfc6891Section7, NoOptInTheResponseToAQueryWithoutOne) {
  const Bytes wire = query().build();
  const auto parsed = QueryView::parse(wire);
  std::uint8_t out[512];
  ResponseWriter writer(*parsed, out, 512);
  writer.add_ede(EdeCode::kBlocked, "x");
  EXPECT_FALSE(MessageView::parse({out, writer.finish()})->has_edns());
}

}  // namespace
}  // namespace rampart::dns
