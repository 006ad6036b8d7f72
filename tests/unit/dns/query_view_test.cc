#include "dns/query_view.h"

#include <gtest/gtest.h>

#include "dns/message_view.h"
#include "tests/support/dns_messages.h"

namespace rampart::dns {
namespace {

using testing::Bytes;
using testing::edns_option;
using testing::MessageBuilder;
using testing::opt_record;
using testing::pointer_to;
using testing::query_for;
using testing::record;
using testing::u16;
using testing::wire_name;

MessageBuilder plain_query() { return query_for("Www.Example.org", RrType::kAaaa); }

Bytes ecs(unsigned family, unsigned prefix, unsigned scope, const Bytes& address) {
  return u16(family) + Bytes{static_cast<std::uint8_t>(prefix), static_cast<std::uint8_t>(scope)} + address;
}

TEST(QueryView, ReadsQuestionAndFlags) {
  const Bytes wire = plain_query().id(0xabcd).flags(0x0130).build();
  const auto query = QueryView::parse(wire);
  ASSERT_TRUE(query);
  EXPECT_EQ(query->id(), 0xabcd);
  EXPECT_TRUE(query->recursion_desired());
  EXPECT_TRUE(query->checking_disabled());
  EXPECT_TRUE(query->authentic_data());
  EXPECT_EQ(to_text(query->qname()), "Www.Example.org");
  EXPECT_EQ(query->qtype(), RrType::kAaaa);
  EXPECT_EQ(query->qclass(), RrClass::kIn);
  EXPECT_EQ(query->question().size(), wire.size() - 12);
  EXPECT_FALSE(query->has_edns());
  EXPECT_FALSE(query->dnssec_ok());
  EXPECT_EQ(query->edns().udp_payload_bytes, 0);
}

TEST(QueryView, TakesZoneTransfersAndUnknownTypesAsTheyAre) {
  for (const unsigned qtype : {251u, 252u, 255u, 0u, 65280u}) {
    const Bytes wire = MessageBuilder().question(wire_name("example.org"), qtype, 255).build();
    const auto query = QueryView::parse(wire);
    ASSERT_TRUE(query) << qtype;
    EXPECT_EQ(static_cast<unsigned>(query->qtype()), qtype);
    EXPECT_EQ(query->qclass(), RrClass::kAny);
  }
}

TEST(QueryView, ReadsEdns) {
  const Bytes options = edns_option(10, Bytes(8, 1)) + edns_option(11, {}) + edns_option(12, Bytes(3, 0));
  const Bytes wire = plain_query().additional(opt_record(4096, 0x8000, options)).build();
  const auto query = QueryView::parse(wire);
  ASSERT_TRUE(query);
  EXPECT_TRUE(query->has_edns());
  EXPECT_TRUE(query->dnssec_ok());
  EXPECT_EQ(query->edns().udp_payload_bytes, 4096);
  EXPECT_EQ(query->edns().options.size(), options.size());
  EXPECT_TRUE(query->edns().has_tcp_keepalive);
  EXPECT_TRUE(query->edns().has_padding);
  EXPECT_TRUE(query->edns().ecs.empty());
}

TEST(QueryView, TakesASecondAdditionalRecordBeforeOrBehindOpt) {
  const Bytes tsig = record(wire_name("key.example.org"), 250, 0, Bytes(20, 7), 255);
  for (const bool opt_first : {true, false}) {
    const Bytes wire = plain_query()
                           .additional(opt_first ? opt_record(1400) : tsig)
                           .additional(opt_first ? tsig : opt_record(1400))
                           .build();
    const auto query = QueryView::parse(wire);
    ASSERT_TRUE(query);
    EXPECT_EQ(query->edns().udp_payload_bytes, 1400);
  }
}

TEST(QueryView, GivesTheFirstWellFormedClientSubnet) {
  const Bytes good = ecs(1, 20, 0, {192, 0, 0xf0});
  const Bytes options = edns_option(8, ecs(1, 33, 0, Bytes(5, 0))) + edns_option(8, good) +
                        edns_option(8, ecs(2, 32, 0, Bytes(4, 0x20)));
  const Bytes wire = plain_query().additional(opt_record(1232, 0, options)).build();
  const auto query = QueryView::parse(wire);
  ASSERT_TRUE(query);
  EXPECT_EQ(Bytes(query->edns().ecs.begin(), query->edns().ecs.end()), good);
}

TEST(QueryView, IgnoresAClientSubnetThatIsMalformed) {
  const Bytes bad[] = {
      {}, {0, 1, 24},
      ecs(1, 33, 0, Bytes(5, 0)),        // prefix beyond the family's
      ecs(2, 129, 0, Bytes(17, 0)),      //
      ecs(1, 24, 24, {192, 0, 2}),       // scope in a query
      ecs(1, 24, 0, {192, 0}),           // address too short
      ecs(1, 24, 0, {192, 0, 2, 0}),     // and too long
      ecs(1, 20, 0, {192, 0, 0xff}),     // spare bits
      ecs(3, 0, 0, {}),                  // family unknown
      ecs(0, 8, 0, {1}),                 // no family, but an address
  };
  for (const Bytes& data : bad) {
    const Bytes wire = plain_query().additional(opt_record(1232, 0, edns_option(8, data))).build();
    const auto query = QueryView::parse(wire);
    ASSERT_TRUE(query) << ::testing::PrintToString(data);
    EXPECT_TRUE(query->edns().ecs.empty()) << ::testing::PrintToString(data);
  }
  for (const Bytes& data : {ecs(0, 0, 0, {}), ecs(1, 0, 0, {}), ecs(2, 0, 0, {}), ecs(2, 128, 0, Bytes(16, 1))}) {
    const Bytes wire = plain_query().additional(opt_record(1232, 0, edns_option(8, data))).build();
    const auto query = QueryView::parse(wire);
    ASSERT_TRUE(query);
    EXPECT_EQ(query->edns().ecs.size(), data.size());
  }
}

struct BadQuery {
  const char* what;
  Bytes wire;
  WireError error;
};

std::vector<BadQuery> bad_queries() {
  const Bytes whole = plain_query().build();
  const Bytes rr = record("www.example.org", RrType::kA, 60, {192, 0, 2, 1});
  return {
      {"nothing", {}, WireError::kShort},
      {"eleven octets", Bytes(whole.begin(), whole.begin() + 11), WireError::kShort},
      {"a response", plain_query().flags(0x8180).build(), WireError::kNotQuery},
      {"a response with a strange opcode", plain_query().flags(0xa900).build(), WireError::kNotQuery},
      {"a response without question", MessageBuilder().flags(0x8000).build(), WireError::kNotQuery},
      {"STATUS", plain_query().flags(0x1000).build(), WireError::kBadOpcode},
      {"NOTIFY", plain_query().flags(0x2000).build(), WireError::kBadOpcode},
      {"UPDATE", plain_query().flags(0x2800).build(), WireError::kBadOpcode},
      {"no question", MessageBuilder().build(), WireError::kBadCounts},
      {"two questions", plain_query().question("b", RrType::kA).build(), WireError::kBadCounts},
      {"an answer", plain_query().answer(rr).build(), WireError::kBadCounts},
      {"an authority", plain_query().authority(rr).build(), WireError::kBadCounts},
      {"three additional", plain_query().additional(opt_record()).additional(rr).additional(rr).build(),
       WireError::kBadCounts},
      {"qname with pointer", MessageBuilder().question(Bytes{1, 'a'} + pointer_to(12), 1).build(), WireError::kBadName},
      {"qname with label form 01", MessageBuilder().question(Bytes(70, 0x41), 1).build(), WireError::kBadName},
      {"qname of 256 octets",
       MessageBuilder()
           .question(wire_name(std::string(63, 'a') + "." + std::string(63, 'b') + "." + std::string(63, 'c') + "." +
                               std::string(62, 'd')), 1)
           .build(),
       WireError::kBadName},
      {"qname without end", MessageBuilder().count(0, 1).raw({3, 'w', 'w'}).build(), WireError::kTrailing},
      {"question without class", Bytes(whole.begin(), whole.end() - 2), WireError::kTrailing},
      {"octets behind the question", whole + Bytes{0}, WireError::kTrailing},
      {"octets behind OPT", plain_query().additional(opt_record()).raw({0}).build(), WireError::kTrailing},
      {"no OPT where one is counted", plain_query().count(3, 1).build(), WireError::kTrailing},
      {"OPT cut in its head", plain_query().count(3, 1).raw({0, 0, 41, 4, 0xd0}).build(), WireError::kTrailing},
      {"RDLENGTH beyond the end", plain_query().count(3, 1).raw({0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 9, 1}).build(),
       WireError::kTrailing},
      {"additional owner with bad pointer",
       plain_query().additional(record(pointer_to(500), 250, 0, {})).build(), WireError::kBadName},
      {"two OPT", plain_query().additional(opt_record()).additional(opt_record()).build(), WireError::kBadEdns},
      {"OPT below a name", plain_query().additional(record(wire_name("a"), 41, 0, {}, 1232)).build(),
       WireError::kBadEdns},
      {"OPT owner as pointer to a root label", plain_query().additional(record(pointer_to(28), 41, 0, {}, 1232)).build(),
       WireError::kBadEdns},
      {"option header cut short", plain_query().additional(opt_record(1232, 0, {0, 10, 0})).build(),
       WireError::kBadEdns},
      {"option data cut short", plain_query().additional(opt_record(1232, 0, {0, 10, 0, 8, 1})).build(),
       WireError::kBadEdns},
      {"version 1", plain_query().additional(opt_record(1232, 0x00010000)).build(), WireError::kBadVersion},
  };
}

TEST(QueryView, RefusesEachDefectWithItsReason) {
  for (const BadQuery& bad : bad_queries()) {
    const auto query = QueryView::parse(bad.wire);
    ASSERT_FALSE(query) << bad.what;
    EXPECT_EQ(query.error(), bad.error) << bad.what;
  }
}

TEST(QueryView, RefusesEveryTruncationOfAGoodQuery) {
  const Bytes wire = plain_query().additional(opt_record(1232, 0, edns_option(10, Bytes(8, 1)))).build();
  ASSERT_TRUE(QueryView::parse(wire));
  for (std::size_t length = 0; length < wire.size(); ++length)
    EXPECT_FALSE(QueryView::parse(Bytes(wire.begin(), wire.begin() + static_cast<std::ptrdiff_t>(length)))) << length;
}

TEST(ErrorResponse, IsSilentOnlyWhereNobodyAsked) {
  for (const BadQuery& bad : bad_queries()) {
    std::uint8_t out[512];
    const std::size_t length = error_response(bad.wire, bad.error, out);
    if (bad.error == WireError::kShort || bad.error == WireError::kNotQuery) {
      EXPECT_EQ(length, 0u) << bad.what;
      continue;
    }
    const auto response = MessageView::parse({out, length});
    ASSERT_TRUE(response) << bad.what;
    EXPECT_EQ(response->id(), base::load_u16(bad.wire.data())) << bad.what;
    EXPECT_EQ(response->opcode(), static_cast<Opcode>((bad.wire[2] >> 3) & 0xf)) << bad.what;
    EXPECT_EQ(response->flags() & (kFlagQr | kFlagRd), kFlagQr | (base::load_u16(&bad.wire[2]) & kFlagRd)) << bad.what;
    EXPECT_EQ(response->flags() & (kFlagAa | kFlagTc | kFlagAd), 0) << bad.what;
    const Rcode rcode = bad.error == WireError::kBadOpcode    ? Rcode::kNotImp
                        : bad.error == WireError::kBadVersion ? Rcode::kBadVers
                                                              : Rcode::kFormErr;
    EXPECT_EQ(response->rcode(), rcode) << bad.what;
  }
}

TEST(ErrorResponse, EchoesTheQuestionWhereItCanBeRead) {
  std::uint8_t out[512];
  const Bytes wire = plain_query().raw({0}).build();
  const auto response = MessageView::parse({out, error_response(wire, WireError::kTrailing, out)});
  ASSERT_TRUE(response);
  EXPECT_EQ(to_text(response->qname().view()), "Www.Example.org");
  EXPECT_EQ(response->qtype(), RrType::kAaaa);
  const Bytes two = plain_query().question("b", RrType::kA).build();
  const auto bare = MessageView::parse({out, error_response(two, WireError::kBadCounts, out)});
  ASSERT_TRUE(bare);
  EXPECT_FALSE(bare->has_question());
}

TEST(ErrorResponse, ToAFaultyOptSaysThatWeSpeakEdns) {
  std::uint8_t out[512];
  const Bytes wire = plain_query().additional(opt_record(1232, 0x00010000)).build();
  const auto response = MessageView::parse({out, error_response(wire, WireError::kBadVersion, out)});
  ASSERT_TRUE(response);
  EXPECT_TRUE(response->has_edns());
  EXPECT_EQ(response->flags() & 0xf, 0);
  EXPECT_EQ(response->rcode(), Rcode::kBadVers);
  response->for_each_record([](const RecordView& opt) {
    EXPECT_EQ((opt.ttl >> 16) & 0xff, 0u) << "the version that we speak";
    return true;
  });
}

TEST(ErrorResponse, FitsTheLongestQuestion) {
  std::uint8_t out[512];
  const std::string longest = std::string(63, 'a') + "." + std::string(63, 'b') + "." + std::string(63, 'c') + "." +
                              std::string(61, 'd');
  const Bytes wire = query_for(longest, RrType::kA).additional(opt_record(1232, 0x00010000)).build();
  const auto response = MessageView::parse({out, error_response(wire, WireError::kBadVersion, out)});
  ASSERT_TRUE(response);
  EXPECT_EQ(to_text(response->qname().view()), longest);
}

}  // namespace
}  // namespace rampart::dns
