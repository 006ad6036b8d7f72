// RFC 2181: truncation (9) and TTLs (8).
#include <gtest/gtest.h>

#include "dns/message_view.h"
#include "dns/response_writer.h"
#include "tests/support/dns_messages.h"

namespace rampart::dns {
namespace {

using testing::Bytes;
using testing::opt_record;
using testing::pointer_to;
using testing::query_for;
using testing::record;
using testing::response_for;

// 9: a response with TC carries no half of an RRset that somebody might cache.
TEST(Rfc2181Section9, ATruncatedResponseCarriesNoRecords) {
  const Bytes wire = query_for("www.example.org", RrType::kA).additional(opt_record(700)).build();
  const auto query = *QueryView::parse(wire);
  std::uint8_t out[2048];
  ResponseWriter writer(query, out, udp_size_limit(query));
  const std::uint8_t address[] = {192, 0, 2, 1};
  for (int i = 0; i < 100; ++i) writer.add_a(1, address);
  const auto message = MessageView::parse({out, writer.finish()});
  ASSERT_TRUE(message);
  EXPECT_TRUE(message->is_truncated());
  EXPECT_EQ(message->answer_count(), 0);
  EXPECT_EQ(message->authority_count(), 0);
  EXPECT_TRUE(message->has_edns());
  EXPECT_TRUE(message->has_question());
}

TEST(Rfc2181Section9, TcIsNotSetForMissingAdditionalData) {
  const Bytes wire = query_for("www.example.org", RrType::kA).build();
  const auto query = *QueryView::parse(wire);
  std::uint8_t out[512];
  ResponseWriter writer(query, out, 512);
  const std::uint8_t address[] = {192, 0, 2, 1};
  ASSERT_TRUE(writer.add_a(1, address));
  ASSERT_FALSE(writer.add_record(Section::kAdditional, query.qname(), RrType::kTxt, RrClass::kIn, 1, Bytes(600, 0)));
  const auto message = MessageView::parse({out, writer.finish()});
  ASSERT_TRUE(message);
  EXPECT_FALSE(message->is_truncated());
  EXPECT_EQ(message->answer_count(), 1);
}

TEST(Rfc2181Section9, NoResponseIsLongerThanTheClientAccepts) {
  for (unsigned payload = 0; payload < 1500; payload += 17) {
    const Bytes wire = query_for("www.example.org", RrType::kA).additional(opt_record(payload)).build();
    const auto query = *QueryView::parse(wire);
    std::uint8_t out[4096];
    ResponseWriter writer(query, out, udp_size_limit(query));
    const std::uint8_t address[] = {192, 0, 2, 1};
    for (unsigned i = 0; i < payload % 80; ++i) writer.add_a(1, address);
    writer.add_ede(EdeCode::kBlocked, std::string(200, 'x'));
    EXPECT_LE(writer.finish(), std::max(512u, payload)) << payload;
  }
}

TEST(Rfc2181Section8, ATtlWithItsTopBitSetIsZero) {
  const Bytes wire = response_for("www.example.org", RrType::kA)
                         .answer(record(pointer_to(12), 1, 0xffffffff, {192, 0, 2, 1}))
                         .build();
  const auto message = MessageView::parse(wire);
  ASSERT_TRUE(message);
  int seen = 0;
  message->for_each_record([&](const RecordView& rr) {
    EXPECT_EQ(rr.ttl, 0u);
    ++seen;
    return true;
  });
  EXPECT_EQ(seen, 1);
}

}  // namespace
}  // namespace rampart::dns
