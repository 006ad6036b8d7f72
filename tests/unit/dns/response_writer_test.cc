#include "dns/response_writer.h"

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
using testing::query_for;
using testing::record;
using testing::response_for;
using testing::wire_name;

const std::uint8_t kV4[] = {192, 0, 2, 1};
const std::uint8_t kV6[] = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};

Name name_of(std::string_view text) { return Name::parse(text).value(); }

/// A query, the buffer of its response, and what a reader makes of it.
struct Exchange {
  Bytes wire;
  QueryView query;
  std::uint8_t out[4096];
  std::size_t length = 0;

  explicit Exchange(const MessageBuilder& builder) : wire(builder.build()), query(*QueryView::parse(wire)) {}
  ResponseWriter writer(std::size_t limit = 1232) { return ResponseWriter(query, out, limit); }
  MessageView finish(ResponseWriter& writer) {
    length = writer.finish();
    const auto message = MessageView::parse({out, length});
    EXPECT_TRUE(message);
    return *message;
  }
  /// Data of the first option of this code in the response's OPT record.
  Bytes option(EdnsOption code) const {
    Bytes found;
    MessageView::parse({out, length})->for_each_record([&](const RecordView& opt) {
      base::ByteView rest = opt.type == RrType::kOpt ? opt.rdata() : base::ByteView();
      while (rest.size() >= 4) {
        const std::size_t size = base::load_u16(&rest[2]);
        if (base::load_u16(&rest[0]) == static_cast<unsigned>(code) && found.empty())
          found.assign(rest.begin() + 4, rest.begin() + 4 + static_cast<std::ptrdiff_t>(size));
        rest = rest.subspan(4 + size);
      }
      return true;
    });
    return found;
  }
};

std::vector<std::string> texts_of(const MessageView& message) {
  std::vector<std::string> texts;
  message.for_each_record([&](const RecordView& record_view) {
    if (record_view.type != RrType::kOpt) texts.push_back(record_text(record_view));
    return true;
  });
  return texts;
}

TEST(ResponseWriter, WritesTheOctetsOfAPlainAnswer) {
  Exchange exchange(query_for("wWw.Example.org", RrType::kA));
  ResponseWriter writer = exchange.writer();
  EXPECT_TRUE(writer.add_a(300, kV4));
  const std::size_t length = writer.finish();
  const Bytes expected = response_for("wWw.Example.org", RrType::kA)
                             .answer(record(pointer_to(12), 1, 300, {192, 0, 2, 1}))
                             .build();
  EXPECT_EQ(Bytes(exchange.out, exchange.out + length), expected);
}

TEST(ResponseWriter, CopiesIdRdAndCdAndSetsQrAndRa) {
  Exchange exchange(query_for("a", RrType::kA).id(0x4711).flags(0x0010));
  ResponseWriter writer = exchange.writer();
  const MessageView message = exchange.finish(writer);
  EXPECT_EQ(message.id(), 0x4711);
  EXPECT_EQ(message.flags(), kFlagQr | kFlagRa | kFlagCd);
}

TEST(ResponseWriter, DoesNotCopyAdOrTc) {
  Exchange exchange(query_for("a", RrType::kA).flags(0x0320));
  ResponseWriter writer = exchange.writer();
  EXPECT_EQ(exchange.finish(writer).flags(), kFlagQr | kFlagRa | kFlagRd);
}

TEST(ResponseWriter, SetsAndClearsFlags) {
  Exchange exchange(query_for("a", RrType::kA));
  ResponseWriter writer = exchange.writer();
  writer.set_flag(kFlagAa, true);
  writer.set_flag(kFlagAd, true);
  writer.set_flag(kFlagAd, false);
  EXPECT_EQ(exchange.finish(writer).flags() & (kFlagAa | kFlagAd), kFlagAa);
}

TEST(ResponseWriter, WritesTheRootAsOwnerInFull) {
  Exchange exchange(query_for(".", RrType::kA));
  ResponseWriter writer = exchange.writer();
  EXPECT_TRUE(writer.add_a(1, kV4));
  EXPECT_TRUE(writer.add_record(Section::kAnswer, exchange.query.qname(), RrType::kTxt, RrClass::kIn, 2,
                                Bytes{1, 'x'}));
  EXPECT_EQ(texts_of(exchange.finish(writer)),
            (std::vector<std::string>{".\t1\tIN\tA\t192.0.2.1", ".\t2\tIN\tTXT\t\"x\""}));
}

TEST(ResponseWriter, CompressesAgainstAllNamesWritten) {
  Exchange exchange(query_for("www.example.org", RrType::kAaaa));
  ResponseWriter writer = exchange.writer();
  EXPECT_TRUE(writer.add_aaaa(60, kV6));
  const Name mname = name_of("ns1.example.net");
  const Name rname = name_of("hostmaster.Example.NET");
  EXPECT_TRUE(writer.add_soa(name_of("EXAMPLE.org").view(), 60, {mname.view(), rname.view(), 1, 2, 3, 4, 5}));
  EXPECT_TRUE(writer.add_record(Section::kAdditional, name_of("NS1.example.net").view(), RrType::kA, RrClass::kIn, 9,
                                base::ByteView(kV4)));
  const MessageView message = exchange.finish(writer);
  EXPECT_EQ(texts_of(message),
            (std::vector<std::string>{
                "www.example.org.\t60\tIN\tAAAA\t2001:db8::1",
                "example.org.\t60\tIN\tSOA\tns1.example.net. hostmaster.example.net. 1 2 3 4 5",
                "ns1.example.net.\t9\tIN\tA\t192.0.2.1"}));
  // header, question, AAAA, SOA (owner 2; mname 17; rname 11+2; numbers), A: every repeated name is a pointer.
  EXPECT_EQ(message.wire().size(), 12u + 21 + (2 + 10 + 16) + (2 + 10 + 17 + 13 + 20) + (2 + 10 + 4));
}

TEST(ResponseWriter, GoesOnCorrectlyWhenItHasSeenMoreNamesThanItNotes) {
  Exchange exchange(query_for("example.org", RrType::kA));
  ResponseWriter writer = exchange.writer(4096);
  std::vector<std::string> expected;
  for (int i = 0; i < 90; ++i) {
    const std::string owner = "host" + std::to_string(i) + ".zone" + std::to_string(i % 7) + ".example.net";
    ASSERT_TRUE(writer.add_record(Section::kAnswer, name_of(owner).view(), RrType::kA, RrClass::kIn, 1,
                                  base::ByteView(kV4)));
    expected.push_back(owner + ".\t1\tIN\tA\t192.0.2.1");
  }
  EXPECT_EQ(texts_of(exchange.finish(writer)), expected);
}

TEST(ResponseWriter, DropsAllRecordsAndSetsTcWhenOneDoesNotFit) {
  Exchange exchange(query_for("www.example.org", RrType::kA));
  ResponseWriter writer = exchange.writer(512);
  int added = 0;
  while (writer.add_a(1, kV4)) ++added;
  EXPECT_EQ(added, (512 - 12 - 21) / 16);
  EXPECT_FALSE(writer.add_txt(RrClass::kIn, 1, "")) << "nothing is added behind a gap";
  const MessageView message = exchange.finish(writer);
  EXPECT_TRUE(message.is_truncated());
  EXPECT_EQ(message.answer_count(), 0);
  EXPECT_EQ(message.wire().size(), 12u + 21);
}

TEST(ResponseWriter, LeavesRoomForOptWhenItFills) {
  Exchange exchange(query_for("www.example.org", RrType::kA).additional(opt_record(512)));
  ResponseWriter writer = exchange.writer(512);
  int added = 0;
  while (added < (512 - 12 - 21 - 11) / 16) added += writer.add_a(1, kV4);
  writer.add_ede(EdeCode::kBlocked, "a text that finds no room beside so many answers");
  const MessageView message = exchange.finish(writer);
  EXPECT_FALSE(message.is_truncated());
  EXPECT_TRUE(message.has_edns());
  EXPECT_LE(message.wire().size(), 512u);
  EXPECT_TRUE(exchange.option(EdnsOption::kEde).empty());
}

TEST(ResponseWriter, OmitsAdditionalRecordsWithoutTc) {
  Exchange exchange(query_for("www.example.org", RrType::kA));
  ResponseWriter writer = exchange.writer(512);
  EXPECT_TRUE(writer.add_a(1, kV4));
  EXPECT_FALSE(writer.add_record(Section::kAdditional, exchange.query.qname(), RrType::kTxt, RrClass::kIn, 1,
                                 Bytes(500, 0)));
  EXPECT_TRUE(writer.add_record(Section::kAdditional, exchange.query.qname(), RrType::kA, RrClass::kIn, 1,
                                base::ByteView(kV4)));
  const MessageView message = exchange.finish(writer);
  EXPECT_FALSE(message.is_truncated());
  EXPECT_EQ(message.answer_count(), 1);
  EXPECT_EQ(message.additional_count(), 1);
}

TEST(ResponseWriter, ForgetsTheNamesOfARecordThatDidNotFit) {
  Exchange exchange(query_for("q", RrType::kA));
  ResponseWriter writer = exchange.writer(512);
  EXPECT_FALSE(writer.add_record(Section::kAdditional, name_of("gone.example.net").view(), RrType::kTxt, RrClass::kIn,
                                 1, Bytes(500, 0)));
  EXPECT_TRUE(writer.add_record(Section::kAdditional, name_of("gone.example.net").view(), RrType::kA, RrClass::kIn, 1,
                                base::ByteView(kV4)));
  EXPECT_EQ(texts_of(exchange.finish(writer)),
            std::vector<std::string>{"gone.example.net.\t1\tIN\tA\t192.0.2.1"});
}

TEST(ResponseWriter, UndoesASoaThatDoesNotFitAtEveryLength) {
  const Name mname = name_of("ns1.example.net");
  for (std::size_t filler = 350; filler < 480; ++filler) {
    Exchange exchange(query_for("www.example.org", RrType::kA));
    ResponseWriter writer = exchange.writer(512);
    if (!writer.add_record(Section::kAnswer, exchange.query.qname(), static_cast<RrType>(65280), RrClass::kIn, 1,
                           Bytes(filler, 0)))
      continue;
    const bool fits = writer.add_soa(name_of("org").view(), 60, {mname.view(), mname.view(), 1, 2, 3, 4, 5});
    const MessageView message = exchange.finish(writer);
    EXPECT_EQ(message.is_truncated(), !fits) << filler;
    EXPECT_EQ(message.authority_count(), fits ? 1 : 0) << filler;
    EXPECT_LE(message.wire().size(), 512u);
  }
}

TEST(ResponseWriter, NeverGoesBelow512) {
  Exchange exchange(query_for("www.example.org", RrType::kA));
  ResponseWriter writer = exchange.writer(0);
  EXPECT_TRUE(writer.add_a(1, kV4));
  EXPECT_EQ(exchange.finish(writer).answer_count(), 1);
}

TEST(ResponseWriter, WritesOptOnlyWhenAskedWithOne) {
  Exchange plain(query_for("a", RrType::kA));
  ResponseWriter plain_writer = plain.writer();
  plain_writer.add_ede(EdeCode::kBlocked, "x");
  EXPECT_FALSE(plain.finish(plain_writer).has_edns());

  Exchange edns(query_for("a", RrType::kA).additional(opt_record(4096, 0x8000)));
  ResponseWriter writer = edns.writer();
  writer.add_ede(EdeCode::kBlocked, "denylist ads");
  writer.add_tcp_keepalive(300);
  const MessageView message = edns.finish(writer);
  EXPECT_TRUE(message.has_edns());
  message.for_each_record([](const RecordView& opt) {
    EXPECT_EQ(opt.ttl, 0x8000u) << "DO is copied";
    EXPECT_EQ(static_cast<unsigned>(opt.rr_class), kUdpPayloadBytes);
    return true;
  });
  EXPECT_EQ(edns.option(EdnsOption::kEde), Bytes({0, 15}) + testing::text_bytes("denylist ads"));
  EXPECT_EQ(edns.option(EdnsOption::kTcpKeepalive), Bytes({1, 44}));
}

TEST(ResponseWriter, CutsEdeTextBetweenCharacters) {
  for (std::size_t ascii = 190; ascii <= 201; ++ascii) {
    Exchange exchange(query_for("a", RrType::kA).additional(opt_record()));
    ResponseWriter writer = exchange.writer();
    const std::string head(ascii, 'x');
    writer.add_ede(EdeCode::kOther, head + "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac");  // euro signs
    exchange.finish(writer);
    const std::size_t text = exchange.option(EdnsOption::kEde).size() - 2;
    EXPECT_LE(text, 200u);
    EXPECT_GT(text, 197u);
    EXPECT_EQ(ascii > 200 ? 0 : (text - ascii) % 3, 0u) << "a character was cut";
  }
}

TEST(ResponseWriter, IgnoresOptionsThatFindNoRoom) {
  Exchange exchange(query_for("a", RrType::kA).additional(opt_record()));
  ResponseWriter writer = exchange.writer();
  for (int i = 0; i < 100; ++i) {
    writer.add_ede(EdeCode::kOther, std::string(100, 'x'));
    writer.add_tcp_keepalive(1);
  }
  exchange.finish(writer);
  EXPECT_EQ(exchange.option(EdnsOption::kEde).size(), 102u);
}

TEST(ResponseWriter, PutsUpperRcodeBitsIntoOpt) {
  Exchange edns(query_for("a", RrType::kA).additional(opt_record()));
  ResponseWriter writer = edns.writer();
  writer.set_rcode(Rcode::kBadVers);
  EXPECT_EQ(edns.finish(writer).rcode(), Rcode::kBadVers);

  Exchange plain(query_for("a", RrType::kA));
  ResponseWriter plain_writer = plain.writer();
  plain_writer.set_rcode(Rcode::kBadVers);
  EXPECT_EQ(plain.finish(plain_writer).rcode(), Rcode::kServFail) << "its low bits alone would say NOERROR";
}

TEST(ResponseWriter, WritesTxtInAnyClass) {
  Exchange exchange(MessageBuilder().question("version.bind", RrType::kTxt, 3));
  ResponseWriter writer = exchange.writer();
  EXPECT_TRUE(writer.add_txt(RrClass::kCh, 0, "rampart"));
  EXPECT_TRUE(writer.add_txt(RrClass::kCh, 0, ""));
  EXPECT_EQ(texts_of(exchange.finish(writer)),
            (std::vector<std::string>{"version.bind.\t0\tCH\tTXT\t\"rampart\"", "version.bind.\t0\tCH\tTXT\t\"\""}));
}

TEST(UdpSizeLimit, ClampsWhatTheClientSays) {
  const auto limit = [](const MessageBuilder& builder) {
    const Bytes wire = builder.build();
    return udp_size_limit(*QueryView::parse(wire));
  };
  EXPECT_EQ(limit(query_for("a", RrType::kA)), 512u);
  EXPECT_EQ(limit(query_for("a", RrType::kA).additional(opt_record(0))), 512u);
  EXPECT_EQ(limit(query_for("a", RrType::kA).additional(opt_record(1000))), 1000u);
  EXPECT_EQ(limit(query_for("a", RrType::kA).additional(opt_record(65535))), 1232u);
}

TEST(TruncateFor, KeepsHeaderQuestionAndOpt) {
  const Bytes asked = query_for("www.example.org", RrType::kA).additional(opt_record(512, 0x8000)).build();
  const auto query = QueryView::parse(asked);
  Bytes wire = response_for("www.example.org", RrType::kA)
                   .answer(record(pointer_to(12), 1, 60, {192, 0, 2, 1}))
                   .additional(opt_record(1232, 0x8000, edns_option(15, {0, 3})))
                   .build();
  const std::size_t length = truncate_for(*query, wire);
  const auto message = MessageView::parse(base::ByteView(wire).first(length));
  ASSERT_TRUE(message);
  EXPECT_TRUE(message->is_truncated());
  EXPECT_EQ(message->answer_count(), 0);
  EXPECT_EQ(message->qtype(), RrType::kA);
  EXPECT_TRUE(message->has_edns());
  EXPECT_EQ(length, 12u + 21 + 11 + 6);
}

TEST(TruncateFor, WritesTheOptThatTheMessageLacks) {
  const Bytes asked = query_for("a", RrType::kA).additional(opt_record(512, 0x8000)).build();
  const auto query = QueryView::parse(asked);
  Bytes wire = response_for("a", RrType::kA).answer(record(pointer_to(12), 1, 60, {192, 0, 2, 1})).build();
  const std::size_t length = truncate_for(*query, wire);
  const auto message = MessageView::parse(base::ByteView(wire).first(length));
  ASSERT_TRUE(message);
  EXPECT_TRUE(message->has_edns());
}

TEST(TruncateFor, DropsTheOptOfAClientWithoutEdns) {
  const Bytes asked = query_for("a", RrType::kA).build();
  const auto query = QueryView::parse(asked);
  Bytes wire = response_for("a", RrType::kA).additional(opt_record()).build();
  const std::size_t length = truncate_for(*query, wire);
  EXPECT_EQ(length, 12u + 7);
  EXPECT_FALSE(MessageView::parse(base::ByteView(wire).first(length))->has_edns());
}

TEST(TruncateFor, CutsTheOptionsOfAnOptThatIsTooLargeItself) {
  const Bytes asked = query_for("a", RrType::kA).additional(opt_record(512)).build();
  const auto query = QueryView::parse(asked);
  Bytes wire = response_for("a", RrType::kA).additional(opt_record(1232, 0x01000000, edns_option(12, Bytes(600, 0)))).build();
  const std::size_t length = truncate_for(*query, wire);
  const auto message = MessageView::parse(base::ByteView(wire).first(length));
  ASSERT_TRUE(message);
  EXPECT_EQ(length, 12u + 7 + 11);
  EXPECT_EQ(message->rcode(), Rcode::kBadVers);
}

TEST(TruncateFor, SurvivesWhatIsNoMessage) {
  const Bytes asked = query_for("a", RrType::kA).build();
  const auto query = QueryView::parse(asked);
  Bytes nothing;
  EXPECT_EQ(truncate_for(*query, nothing), 0u);
  Bytes garbage(600, 0xff);
  const std::size_t length = truncate_for(*query, garbage);
  EXPECT_EQ(length, 12u);
  EXPECT_TRUE(MessageView::parse(base::ByteView(garbage).first(length)));
}

}  // namespace
}  // namespace rampart::dns
