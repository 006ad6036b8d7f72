// RFC 1035: names, compression and the message's sections on the wire.
#include <gtest/gtest.h>

#include "dns/message_view.h"
#include "dns/query_view.h"
#include "dns/response_writer.h"
#include "tests/support/dns_messages.h"

namespace rampart::dns {
namespace {

using testing::Bytes;
using testing::MessageBuilder;
using testing::pointer_to;
using testing::query_for;
using testing::record;
using testing::response_for;
using testing::wire_name;

// 4.1.4: F.ISI.ARPA, FOO.F.ISI.ARPA, ARPA and the root, laid out as in the RFC's picture.
TEST(Rfc1035Section4_1_4, ReadsTheExampleOfTheStandard) {
  Bytes wire(94, 0);
  const auto put = [&](std::size_t at, const Bytes& bytes) { std::copy(bytes.begin(), bytes.end(), wire.begin() + static_cast<std::ptrdiff_t>(at)); };
  put(20, wire_name("F.ISI.ARPA"));
  put(40, Bytes{3, 'F', 'O', 'O'} + pointer_to(20));
  put(64, pointer_to(26));
  put(92, Bytes{0});
  const std::pair<std::size_t, const char*> names[] = {
      {20, "F.ISI.ARPA"}, {40, "FOO.F.ISI.ARPA"}, {64, "ARPA"}, {92, "."}};
  for (const auto& [offset, text] : names) {
    std::size_t at = offset;
    const auto name = Name::read(wire, at);
    ASSERT_TRUE(name) << text;
    EXPECT_EQ(to_text(name->view()), text);
  }
}

TEST(Rfc1035Section4_1_4, PointersOnlyToPriorOccurrences) {
  const auto owner_at = static_cast<unsigned>(response_for("www.example.org", RrType::kA).build().size());
  for (const unsigned target : {owner_at, owner_at + 2, owner_at + 12, 0x3fffu}) {
    const Bytes wire = response_for("www.example.org", RrType::kA)
                           .answer(record(pointer_to(target), 1, 1, {192, 0, 2, 1}))
                           .build();
    EXPECT_FALSE(MessageView::parse(wire)) << target;
  }
}

TEST(Rfc1035Section4_1_4, NoLoopOfTwoPointers) {
  // Two owners, each pointing to the other: whichever is read first leads forward.
  const auto at = static_cast<unsigned>(response_for("a", RrType::kA).build().size());
  const Bytes wire = response_for("a", RrType::kA)
                         .answer(record(pointer_to(at + 16), 1, 1, {192, 0, 2, 1}))
                         .answer(record(pointer_to(at), 1, 1, {192, 0, 2, 1}))
                         .build();
  ASSERT_FALSE(MessageView::parse(wire));
  EXPECT_EQ(MessageView::parse(wire).error(), MessageError::kBadName);
}

TEST(Rfc1035Section4_1_4, EveryOffsetOfAMessageIsSafeToReadANameFrom) {
  const Bytes wire = response_for("www.example.org", RrType::kA)
                         .answer(record(pointer_to(12), 5, 1, Bytes{1, 'x'} + pointer_to(16)))
                         .answer(record(pointer_to(45), 1, 1, {192, 0xc0, 2, 0xff}))
                         .build();
  for (std::size_t offset = 0; offset <= wire.size() + 2; ++offset) {
    std::size_t at = offset;
    const auto name = Name::read(wire, at);
    EXPECT_EQ(at > offset, name.ok()) << offset;
    if (!name) continue;
    EXPECT_TRUE(measure_uncompressed(name->wire())) << offset;
  }
}

TEST(Rfc1035Section2_3_4, LabelsOf63AndNamesOf255Octets) {
  const std::string label(63, 'a');
  const std::string longest = label + "." + label + "." + label + "." + std::string(61, 'a');
  EXPECT_TRUE(QueryView::parse(query_for(longest, RrType::kA).build()));
  EXPECT_FALSE(QueryView::parse(query_for(longest + "a", RrType::kA).build()));
}

TEST(Rfc1035Section3_1, LabelsMayHoldAnyOctet) {
  for (unsigned octet = 0; octet < 256; ++octet) {
    const Bytes qname{2, static_cast<std::uint8_t>(octet), 'x', 0};
    const Bytes wire = MessageBuilder().question(qname, 1).build();
    const auto query = QueryView::parse(wire);
    ASSERT_TRUE(query) << octet;
    const auto name = Name::parse(to_text(query->qname()));
    ASSERT_TRUE(name) << octet;
    EXPECT_TRUE(std::equal(name->wire().begin(), name->wire().end(), qname.begin(), qname.end())) << octet;
  }
}

TEST(Rfc1035Section4_1_1, ResponsesAreNoQueries) {
  const Bytes wire = response_for("www.example.org", RrType::kA).build();
  ASSERT_FALSE(QueryView::parse(wire));
  std::uint8_t out[512];
  EXPECT_EQ(error_response(wire, QueryView::parse(wire).error(), out), 0u) << "two servers must not play ping-pong";
}

TEST(Rfc1035Section4_1_1, OtherOpcodesAreNotImplementedAndKeepTheirOpcode) {
  for (unsigned opcode = 1; opcode < 16; ++opcode) {
    const Bytes wire = query_for("example.org", RrType::kSoa).flags(static_cast<std::uint16_t>(opcode << 11)).build();
    const auto query = QueryView::parse(wire);
    ASSERT_FALSE(query);
    std::uint8_t out[512];
    const auto response = MessageView::parse({out, error_response(wire, query.error(), out)});
    ASSERT_TRUE(response);
    EXPECT_EQ(response->rcode(), Rcode::kNotImp);
    EXPECT_EQ(static_cast<unsigned>(response->opcode()), opcode);
  }
}

TEST(Rfc1035Section4_1_4, OwnersThatEqualTheQuestionBecomeTwoOctets) {
  const Bytes wire = query_for("www.example.org", RrType::kA).build();
  const auto query = *QueryView::parse(wire);
  std::uint8_t out[512];
  ResponseWriter writer(query, out, 512);
  const std::uint8_t address[] = {192, 0, 2, 1};
  writer.add_a(1, address);
  const std::size_t length = writer.finish();
  EXPECT_EQ(length, wire.size() + 2 + 10 + 4);
  EXPECT_EQ(base::load_u16(&out[wire.size()]), 0xc00c);
}

}  // namespace
}  // namespace rampart::dns
