#include "dns/message_edit.h"

#include <gtest/gtest.h>

#include "dns/presentation.h"
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

Bytes address(unsigned last) { return {192, 0, 2, static_cast<std::uint8_t>(last)}; }

Bytes rrsig(unsigned covered, std::string_view signer) {
  return u16(covered) + Bytes{13, 2} + u32(300) + u32(2000000000) + u32(1990000000) + u16(4711) + wire_name(signer) +
         Bytes(64, 0x5a);
}

std::vector<std::string> texts_of(base::ByteView wire) {
  const auto message = MessageView::parse(wire);
  EXPECT_TRUE(message);
  std::vector<std::string> texts;
  if (message)
    message->for_each_record([&](const RecordView& rr) {
      texts.push_back(std::to_string(static_cast<int>(rr.section)) + " " + record_text(rr));
      return true;
    });
  return texts;
}

// A signed CNAME answer as validating resolvers send it, owners and targets compressed across records.
// Offsets: question at 12 (www.example.org = 17 octets), first record at 33.
MessageBuilder signed_answer() {
  return response_for("www.example.org", RrType::kA)
      .answer(record(kQname, 5, 3600, Bytes{3, 'c', 'd', 'n'} + pointer_to(16)))      // RDATA at 45: cdn.example.org
      .answer(record(kQname, 46, 3600, rrsig(5, "example.org")))
      .answer(record(pointer_to(45), 1, 60, address(1)))
      .answer(record(pointer_to(45), 1, 60, address(2)))
      .answer(record(pointer_to(45), 46, 60, rrsig(1, "example.org")))
      .authority(record(pointer_to(16), 2, 86400, Bytes{3, 'n', 's', '1'} + pointer_to(16)))
      .authority(record(pointer_to(16), 46, 86400, rrsig(2, "example.org")))
      .additional(opt_record(1232, 0x8000, edns_option(10, Bytes(16, 1))));
}

TEST(StripOpt, CopiesAllButOptAndFindsEveryTtl) {
  const Bytes wire = signed_answer().build();
  Bytes out(wire.size());
  std::uint16_t ttls[16];
  const auto result = strip_opt_and_collect_ttls(*MessageView::parse(wire), out, ttls);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->length, wire.size() - 11 - 20);
  const auto copy = MessageView::parse(base::ByteView(out).first(result->length));
  ASSERT_TRUE(copy);
  EXPECT_FALSE(copy->has_edns());
  EXPECT_EQ(copy->additional_count(), 0);
  ASSERT_EQ(result->ttl_count, 7u);
  const std::uint32_t expected[] = {3600, 3600, 60, 60, 60, 86400, 86400};
  for (std::size_t i = 0; i < 7; ++i) EXPECT_EQ(base::load_u32(&out[ttls[i]]), expected[i]) << i;
}

TEST(StripOpt, LeavesAMessageWithoutOptAsItIs) {
  const Bytes wire = response_for("www.example.org", RrType::kA)
                         .answer(record(kQname, 1, 60, address(1)))
                         .additional(record("ns.example.org", RrType::kA, 30, address(9)))
                         .build();
  Bytes out(wire.size());
  std::uint16_t ttls[2];
  const auto result = strip_opt_and_collect_ttls(*MessageView::parse(wire), out, ttls);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->length, wire.size());
  EXPECT_EQ(out, wire);
  EXPECT_EQ(result->ttl_count, 2u);
}

TEST(StripOpt, KeepsGlueBeforeOptAndDropsWhatFollowsIt) {
  const Bytes wire = response_for("www.example.org", RrType::kA)
                         .answer(record(kQname, 1, 60, address(1)))
                         .additional(record("ns1.example.org", RrType::kA, 30, address(8)))
                         .additional(opt_record())
                         .additional(record("ns2.example.org", RrType::kA, 30, address(9)))
                         .additional(record(wire_name("key"), 250, 0, Bytes(30, 1), 255))
                         .build();
  Bytes out(wire.size());
  std::uint16_t ttls[8];
  const auto result = strip_opt_and_collect_ttls(*MessageView::parse(wire), out, ttls);
  ASSERT_TRUE(result);
  EXPECT_EQ(texts_of(base::ByteView(out).first(result->length)),
            (std::vector<std::string>{"0 www.example.org.\t60\tIN\tA\t192.0.2.1",
                                      "2 ns1.example.org.\t30\tIN\tA\t192.0.2.8"}));
  EXPECT_EQ(result->ttl_count, 2u);
}

TEST(StripOpt, DropsATransactionSignatureWithoutOpt) {
  const Bytes signatures[] = {record(wire_name("key"), 250, 0, Bytes(30, 1), 255),
                              record(Bytes{0}, 24, 0, u16(0) + Bytes(30, 1), 255)};
  for (const Bytes& signature : signatures) {
    const Bytes wire =
        response_for("www.example.org", RrType::kA).answer(record(kQname, 1, 60, address(1))).additional(signature).build();
    Bytes out(wire.size());
    std::uint16_t ttls[8];
    const auto result = strip_opt_and_collect_ttls(*MessageView::parse(wire), out, ttls);
    ASSERT_TRUE(result);
    EXPECT_EQ(result->length, wire.size() - signature.size());
    EXPECT_EQ(result->ttl_count, 1u);
    EXPECT_TRUE(MessageView::parse(base::ByteView(out).first(result->length)));
  }
}

TEST(StripOpt, SaysWhenThereIsNoRoom) {
  const Bytes wire = signed_answer().build();
  const auto message = MessageView::parse(wire);
  Bytes out(wire.size());
  std::uint16_t ttls[6];
  EXPECT_EQ(strip_opt_and_collect_ttls(*message, out, ttls).error(), EditError::kTooManyTtls);
  std::uint16_t enough[7];
  EXPECT_TRUE(strip_opt_and_collect_ttls(*message, base::MutableBytes(out).first(wire.size() - 31), enough));
  EXPECT_EQ(strip_opt_and_collect_ttls(*message, base::MutableBytes(out).first(wire.size() - 32), enough).error(),
            EditError::kNoRoom);
}

TEST(StripDnssec, TakesSignaturesOutOfACompressedAnswer) {
  const Bytes wire = signed_answer().build();
  Bytes out(2000);
  const auto length = strip_dnssec_records(*MessageView::parse(wire), RrType::kA, out);
  ASSERT_TRUE(length);
  const base::ByteView result = base::ByteView(out).first(*length);
  auto texts = texts_of(result);
  ASSERT_EQ(texts.size(), 5u);
  EXPECT_EQ(texts[4].substr(0, 5), "2 .\t3");  // OPT, its flags as TTL
  texts.pop_back();
  EXPECT_EQ(texts, (std::vector<std::string>{"0 www.example.org.\t3600\tIN\tCNAME\tcdn.example.org.",
                                             "0 cdn.example.org.\t60\tIN\tA\t192.0.2.1",
                                             "0 cdn.example.org.\t60\tIN\tA\t192.0.2.2",
                                             "1 example.org.\t86400\tIN\tNS\tns1.example.org."}));
  // Everything that was compressed is so again: only the three signatures are gone.
  EXPECT_EQ(*length, wire.size() - 3 * (2 + 10 + 18 + 13 + 64));
  EXPECT_TRUE(MessageView::parse(result)->has_edns());
}

TEST(StripDnssec, TakesDenialOutOfANegativeAnswer) {
  const Bytes soa = wire_name("ns1.example.org") + wire_name("hostmaster.example.org") + Bytes(20, 1);
  const Bytes wire = response_for("nope.example.org", RrType::kMx)
                         .flags(0x81a3)
                         .authority(record(pointer_to(17), 6, 900, soa))
                         .authority(record(pointer_to(17), 46, 900, rrsig(6, "example.org")))
                         .authority(record("a.example.org", RrType::kNsec, 900, wire_name("z.example.org") + Bytes{0, 1, 0x40}))
                         .authority(record("b.example.org", RrType::kNsec3, 900, Bytes{1, 0, 0, 0, 0, 1, 9}))
                         .authority(record("c.example.org", RrType::kDs, 900, Bytes(36, 7)))
                         .authority(record("d.example.org", RrType::kDnskey, 900, Bytes(36, 7)))
                         .build();
  Bytes out(2000);
  const auto length = strip_dnssec_records(*MessageView::parse(wire), RrType::kMx, out);
  ASSERT_TRUE(length);
  EXPECT_EQ(texts_of(base::ByteView(out).first(*length)),
            std::vector<std::string>{"1 example.org.\t900\tIN\tSOA\tns1.example.org. hostmaster.example.org. "
                                     "16843009 16843009 16843009 16843009 16843009"});
  EXPECT_EQ(base::load_u16(&out[2]), 0x81a3) << "flags stay";
}

TEST(StripDnssec, KeepsTheTypeThatWasAskedFor) {
  const Bytes ds(36, 7);
  const Bytes wire = response_for("example.org", RrType::kDs)
                         .answer(record(kQname, 43, 60, ds))
                         .answer(record(kQname, 46, 60, rrsig(43, "org")))
                         .build();
  Bytes out(2000);
  auto length = strip_dnssec_records(*MessageView::parse(wire), RrType::kDs, out);
  ASSERT_TRUE(length);
  EXPECT_EQ(MessageView::parse(base::ByteView(out).first(*length))->answer_count(), 1);
  length = strip_dnssec_records(*MessageView::parse(wire), RrType::kAny, out);
  ASSERT_TRUE(length);
  EXPECT_EQ(Bytes(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(*length)), wire);
}

TEST(StripDnssec, CopiesExactlyWhatHasNothingToTakeOut) {
  const Bytes wire = response_for("www.example.org", RrType::kA)
                         .answer(record(kQname, 1, 60, address(1)))
                         .additional(opt_record())
                         .build();
  Bytes out(wire.size());
  const auto length = strip_dnssec_records(*MessageView::parse(wire), RrType::kA, out);
  ASSERT_TRUE(length);
  EXPECT_EQ(out, wire);
}

TEST(StripDnssec, ExpandsNamesThatPointIntoWhatIsGone) {
  // The signature's own owner is the first to spell "mail.example.org"; an MX and its address point to it.
  const Bytes head = response_for("example.org", RrType::kMx).build();
  const auto at = static_cast<unsigned>(head.size());
  const Bytes wire = response_for("example.org", RrType::kMx)
                         .answer(record(Bytes{4, 'm', 'a', 'i', 'l'} + pointer_to(12), 46, 60, rrsig(1, "org")))
                         .answer(record(kQname, 15, 60, u16(10) + pointer_to(at)))
                         .answer(record(kQname, 33, 60, Bytes(6, 0) + pointer_to(at)))
                         .answer(record(kQname, 17, 60, pointer_to(at) + pointer_to(12)))
                         .answer(record(kQname, 35, 60, Bytes(4, 0) + Bytes{1, 'u', 0, 0} + pointer_to(at)))
                         .additional(record(pointer_to(at), 1, 60, address(5)))
                         .build();
  Bytes out(2000);
  const auto length = strip_dnssec_records(*MessageView::parse(wire), RrType::kMx, out);
  ASSERT_TRUE(length);
  const auto texts = texts_of(base::ByteView(out).first(*length));
  ASSERT_EQ(texts.size(), 5u);
  EXPECT_EQ(texts[0], "0 example.org.\t60\tIN\tMX\t10 mail.example.org.");
  EXPECT_EQ(texts[1], "0 example.org.\t60\tIN\tSRV\t0 0 0 mail.example.org.");
  EXPECT_EQ(texts[2], "0 example.org.\t60\tIN\tRP\t\\# 31 046d61696c076578616d706c65036f726700076578616d706c65036f726700");
  EXPECT_EQ(texts[3], "0 example.org.\t60\tIN\tNAPTR\t0 0 \"u\" \"\" \"\" mail.example.org.");
  EXPECT_EQ(texts[4], "2 mail.example.org.\t60\tIN\tA\t192.0.2.5");
}

TEST(StripDnssec, DropsASignatureOverTheWholeMessageThatNoLongerHolds) {
  const Bytes wire = response_for("www.example.org", RrType::kA)
                         .answer(record(kQname, 1, 60, address(1)))
                         .answer(record(kQname, 46, 60, rrsig(1, "org")))
                         .additional(record(wire_name("key"), 250, 0, Bytes(30, 1), 255))
                         .build();
  Bytes out(2000);
  const auto length = strip_dnssec_records(*MessageView::parse(wire), RrType::kA, out);
  ASSERT_TRUE(length);
  EXPECT_EQ(texts_of(base::ByteView(out).first(*length)),
            std::vector<std::string>{"0 www.example.org.\t60\tIN\tA\t192.0.2.1"});
}

TEST(StripDnssec, SaysNoRoomAtEveryLengthThatIsTooShort) {
  const Bytes wire = signed_answer().build();
  const auto message = MessageView::parse(wire);
  Bytes whole(2000);
  const auto length = strip_dnssec_records(*message, RrType::kA, whole);
  ASSERT_TRUE(length);
  for (std::size_t room = 0; room < *length; ++room) {
    Bytes out(room);  // exactly, so that a sanitizer sees the first octet beyond it
    const auto result = strip_dnssec_records(*message, RrType::kA, out);
    ASSERT_FALSE(result) << room;
    EXPECT_EQ(result.error(), EditError::kNoRoom);
  }
  Bytes exact(*length);
  EXPECT_TRUE(strip_dnssec_records(*message, RrType::kA, exact));
}

}  // namespace
}  // namespace rampart::dns
