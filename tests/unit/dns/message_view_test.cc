#include "dns/message_view.h"

#include <gtest/gtest.h>

#include "tests/support/dns_messages.h"

namespace rampart::dns {
namespace {

using testing::Bytes;
using testing::edns_option;
using testing::MessageBuilder;
using testing::opt_record;
using testing::pointer_to;
using testing::record;
using testing::response_for;
using testing::u16;
using testing::u32;
using testing::wire_name;

const Bytes kQname = pointer_to(12);
const Bytes kAddress{192, 0, 2, 1};

Bytes rr(unsigned type, const Bytes& rdata) { return record(kQname, type, 300, rdata); }
MessageBuilder response() { return response_for("www.example.org", RrType::kA); }

std::vector<RecordView> records_of(const MessageView& message) {
  std::vector<RecordView> records;
  message.for_each_record([&](const RecordView& record_view) {
    records.push_back(record_view);
    return true;
  });
  return records;
}

TEST(MessageView, ReadsHeaderAndQuestion) {
  const Bytes wire = response().id(0xbeef).flags(0x8783).build();
  const auto message = MessageView::parse(wire);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->id(), 0xbeef);
  EXPECT_EQ(message->opcode(), Opcode::kQuery);
  EXPECT_EQ(message->rcode(), Rcode::kNxDomain);
  EXPECT_TRUE(message->is_truncated());
  EXPECT_TRUE(message->has_question());
  EXPECT_EQ(to_text(message->qname().view()), "www.example.org");
  EXPECT_EQ(message->qtype(), RrType::kA);
  EXPECT_EQ(message->qclass(), RrClass::kIn);
  EXPECT_FALSE(message->has_edns());
}

TEST(MessageView, NeedsNoQuestion) {
  const Bytes wire = MessageBuilder().flags(0x8181).build();
  const auto message = MessageView::parse(wire);
  ASSERT_TRUE(message);
  EXPECT_FALSE(message->has_question());
  EXPECT_TRUE(message->qname().view().is_root());
  EXPECT_EQ(message->rcode(), Rcode::kFormErr);
}

TEST(MessageView, WalksRecordsInOrderWithTheirSections) {
  const Bytes wire = response()
                         .answer(record(kQname, 5, 60, wire_name("cdn.example.net")))
                         .answer(record("cdn.example.net", RrType::kA, 30, kAddress))
                         .authority(record("example.net", RrType::kNs, 7200, wire_name("ns.example.net")))
                         .additional(opt_record(1232, 0x8000))
                         .build();
  const auto message = MessageView::parse(wire);
  ASSERT_TRUE(message);
  const auto records = records_of(*message);
  ASSERT_EQ(records.size(), 4u);
  EXPECT_EQ(records[0].section, Section::kAnswer);
  EXPECT_EQ(records[0].type, RrType::kCname);
  EXPECT_EQ(to_text(records[0].owner().view()), "www.example.org");
  EXPECT_EQ(to_text(records[0].rdata_name().view()), "cdn.example.net");
  EXPECT_EQ(records[1].ttl, 30u);
  EXPECT_EQ(base::load_u32(&wire[records[1].ttl_at]), 30u);
  EXPECT_EQ(Bytes(records[1].rdata().begin(), records[1].rdata().end()), kAddress);
  EXPECT_TRUE(records[1].rdata_name().view().is_root());
  EXPECT_EQ(records[2].section, Section::kAuthority);
  EXPECT_EQ(records[3].section, Section::kAdditional);
  EXPECT_EQ(records[3].type, RrType::kOpt);
  EXPECT_EQ(records[3].ttl, 0x8000u);
  EXPECT_TRUE(message->has_edns());
}

TEST(MessageView, StopsWhenTheVisitorSaysSo) {
  const Bytes wire = response().answer(rr(1, kAddress)).answer(rr(1, kAddress)).build();
  const auto message = MessageView::parse(wire);
  ASSERT_TRUE(message);
  int seen = 0;
  message->for_each_record([&](const RecordView&) { return ++seen, false; });
  EXPECT_EQ(seen, 1);
}

TEST(MessageView, JoinsTheExtendedRcode) {
  const Bytes wire = response().flags(0x8187).additional(opt_record(1232, 0x01000000)).build();
  const auto message = MessageView::parse(wire);
  ASSERT_TRUE(message);
  EXPECT_EQ(static_cast<unsigned>(message->rcode()), 0x17u);
}

TEST(MessageView, ReadsATtlWithItsTopBitSetAsZero) {
  const Bytes wire = response()
                         .answer(record(kQname, 1, 0x80000001, kAddress))
                         .answer(record(kQname, 1, 0x7fffffff, kAddress))
                         .build();
  const auto message = MessageView::parse(wire);
  ASSERT_TRUE(message);
  const auto records = records_of(*message);
  EXPECT_EQ(records[0].ttl, 0u);
  EXPECT_EQ(records[1].ttl, 0x7fffffffu);
}

TEST(MessageView, GivesTheNameInsideTheRdataOfEachTypeThatHasOne) {
  const Bytes target = wire_name("target.example.net");
  const struct {
    unsigned type;
    Bytes rdata;
  } cases[] = {
      {2, target},
      {5, target},
      {12, target},
      {39, target},
      {6, target + wire_name("hostmaster.example.net") + Bytes(20, 0)},
      {15, u16(10) + target},
      {33, u16(1) + u16(2) + u16(5060) + target},
      {64, u16(1) + target},
      {65, u16(0) + target},
  };
  for (const auto& c : cases) {
    const Bytes wire = response().answer(rr(c.type, c.rdata)).build();
    const auto message = MessageView::parse(wire);
    ASSERT_TRUE(message) << c.type;
    EXPECT_EQ(to_text(records_of(*message)[0].rdata_name().view()), "target.example.net") << c.type;
  }
}

TEST(MessageView, TakesUnknownTypesWhateverTheyHold) {
  for (const Bytes& rdata : {Bytes{}, Bytes{0xc0}, Bytes(300, 0xff)}) {
    const Bytes wire = response().answer(record(kQname, 65280, 1, rdata, 32)).build();
    EXPECT_TRUE(MessageView::parse(wire)) << rdata.size();
  }
}

struct BadMessage {
  const char* what;
  Bytes wire;
  MessageError error;
};

TEST(MessageView, RefusesEachDefectWithItsReason) {
  const Bytes whole = response().answer(rr(1, kAddress)).build();
  const auto at = static_cast<unsigned>(response().build().size());  // where the first record begins
  const Bytes svcb = u16(1) + Bytes{0};
  const BadMessage cases[] = {
      {"eleven octets", Bytes(whole.begin(), whole.begin() + 11), MessageError::kShort},
      {"two questions", response().question("b", RrType::kA).build(), MessageError::kCounts},
      {"question without class", Bytes(whole.begin(), whole.begin() + at - 2), MessageError::kTruncatedRecord},
      {"question with pointer", MessageBuilder().question(pointer_to(12), 1).build(), MessageError::kBadName},
      {"question with label form 01", MessageBuilder().question(Bytes(70, 0x41), 1).build(), MessageError::kBadName},
      {"record missing", response().count(1, 1).build(), MessageError::kTruncatedRecord},
      {"record cut in its TTL", Bytes(whole.begin(), whole.end() - 8), MessageError::kTruncatedRecord},
      {"RDLENGTH beyond the end", Bytes(whole.begin(), whole.end() - 1), MessageError::kTruncatedRecord},
      {"counts of 65535", response().count(1, 65535).count(2, 65535).count(3, 65535).raw(rr(1, kAddress)).build(),
       MessageError::kTruncatedRecord},
      {"owner points to itself", response().answer(record(pointer_to(at), 1, 0, kAddress)).build(),
       MessageError::kBadName},
      {"owner points into itself", response().answer(record(Bytes{1, 'a'} + pointer_to(at), 1, 0, kAddress)).build(),
       MessageError::kBadName},
      {"owner points forward", response().answer(record(pointer_to(at + 12), 1, 0, kAddress)).build(),
       MessageError::kBadName},
      {"owner points into the header", response().answer(record(pointer_to(3), 1, 0, kAddress)).build(),
       MessageError::kBadName},
      {"A of 3", response().answer(rr(1, {1, 2, 3})).build(), MessageError::kBadRdata},
      {"A of 5", response().answer(rr(1, {1, 2, 3, 4, 5})).build(), MessageError::kBadRdata},
      {"AAAA of 4", response().answer(rr(28, kAddress)).build(), MessageError::kBadRdata},
      {"CNAME empty", response().answer(rr(5, {})).build(), MessageError::kBadRdata},
      {"CNAME with octets over", response().answer(rr(5, Bytes{0, 0})).build(), MessageError::kBadRdata},
      {"CNAME cut short", response().answer(rr(5, {3, 'a', 'b'})).build(), MessageError::kBadRdata},
      {"CNAME running out of its RDATA", response().count(1, 1).raw(kQname + u16(5) + u16(1) + u32(0) + u16(2) +
                                                                     Bytes{3, 'a', 'b', 'c', 0}).build(),
       MessageError::kBadRdata},
      {"CNAME pointing to itself", response().answer(rr(5, pointer_to(at + 12))).build(), MessageError::kBadRdata},
      {"NS with label form 10", response().answer(rr(2, {0x80, 0})).build(), MessageError::kBadRdata},
      {"PTR cut in its pointer", response().answer(rr(12, {0xc0})).build(), MessageError::kBadRdata},
      {"DNAME empty", response().answer(rr(39, {})).build(), MessageError::kBadRdata},
      {"MX of one octet", response().answer(rr(15, {0})).build(), MessageError::kBadRdata},
      {"MX without name", response().answer(rr(15, {0, 10})).build(), MessageError::kBadRdata},
      {"SRV without name", response().answer(rr(33, Bytes(6, 0))).build(), MessageError::kBadRdata},
      {"SOA of one name", response().answer(rr(6, Bytes(1, 0))).build(), MessageError::kBadRdata},
      {"SOA cut short", response().answer(rr(6, Bytes(21, 0))).build(), MessageError::kBadRdata},
      {"SOA with octets over", response().answer(rr(6, Bytes(23, 0))).build(), MessageError::kBadRdata},
      {"TXT empty", response().answer(rr(16, {})).build(), MessageError::kBadRdata},
      {"TXT string beyond", response().answer(rr(16, {5, 'a'})).build(), MessageError::kBadRdata},
      {"NAPTR of two strings", response().answer(rr(35, {0, 1, 0, 1, 0, 0})).build(), MessageError::kBadRdata},
      {"RP of one name", response().answer(rr(17, {0})).build(), MessageError::kBadRdata},
      {"SVCB of priority only", response().answer(rr(64, {0, 1})).build(), MessageError::kBadRdata},
      {"HTTPS target compressed", response().answer(rr(65, u16(1) + kQname)).build(), MessageError::kBadRdata},
      {"HTTPS parameter cut", response().answer(rr(65, svcb + Bytes{0, 1, 0})).build(), MessageError::kBadRdata},
      {"HTTPS value beyond", response().answer(rr(65, svcb + u16(1) + u16(9) + Bytes{1, 'x'})).build(),
       MessageError::kBadRdata},
      {"HTTPS key twice", response().answer(rr(65, svcb + edns_option(9, {}) + edns_option(9, {}))).build(),
       MessageError::kBadRdata},
      {"HTTPS keys out of order", response().answer(rr(65, svcb + edns_option(9, {}) + edns_option(8, {}))).build(),
       MessageError::kBadRdata},
      {"HTTPS hint of 3", response().answer(rr(65, svcb + edns_option(4, {1, 2, 3}))).build(),
       MessageError::kBadRdata},
      {"OPT among the answers", response().answer(opt_record()).build(), MessageError::kBadOpt},
      {"two OPT", response().additional(opt_record()).additional(opt_record()).build(), MessageError::kBadOpt},
      {"OPT below a name", response().additional(record(wire_name("a"), 41, 0, {})).build(), MessageError::kBadOpt},
      {"OPT options cut", response().additional(opt_record(512, 0, {0, 10, 0})).build(), MessageError::kBadOpt},
      {"octets behind the last record", whole + Bytes{0}, MessageError::kTrailing},
      {"65536 octets", Bytes(65536, 0), MessageError::kTrailing},
  };
  for (const BadMessage& bad : cases) {
    const auto message = MessageView::parse(bad.wire);
    ASSERT_FALSE(message) << bad.what;
    EXPECT_EQ(message.error(), bad.error) << bad.what;
  }
}

TEST(MessageView, RefusesEveryTruncationOfAGoodMessage) {
  const Bytes wire = response()
                         .answer(rr(5, wire_name("a.example.net")))
                         .authority(rr(6, wire_name("a") + wire_name("b") + Bytes(20, 1)))
                         .additional(opt_record(1232, 0, edns_option(15, {0, 15, 'x'})))
                         .build();
  ASSERT_TRUE(MessageView::parse(wire));
  for (std::size_t length = 0; length < wire.size(); ++length)
    EXPECT_FALSE(MessageView::parse(Bytes(wire.begin(), wire.begin() + static_cast<std::ptrdiff_t>(length)))) << length;
}

}  // namespace
}  // namespace rampart::dns
