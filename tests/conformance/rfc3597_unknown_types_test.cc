// RFC 3597: types that we have never heard of.
#include <gtest/gtest.h>

#include "dns/message_edit.h"
#include "dns/presentation.h"
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

TEST(Rfc3597Section3, QueriesOfAnyTypeAndClassAreTaken) {
  for (unsigned type = 0; type < 65536; type += 97) {
    const Bytes wire = MessageBuilder().question(wire_name("example.org"), type, 65535 - type).build();
    const auto query = QueryView::parse(wire);
    ASSERT_TRUE(query) << type;
    EXPECT_EQ(static_cast<unsigned>(query->qtype()), type);
  }
}

// 3: RDATA of unknown types is opaque, even if it looks like a compressed name.
TEST(Rfc3597Section3, RdataOfUnknownTypesIsCarriedUnchanged) {
  const Bytes rdata = pointer_to(12) + Bytes{0xff, 0x3f};
  const Bytes wire = response_for("www.example.org", RrType::kA)
                         .answer(record(pointer_to(12), 46, 1, Bytes(19, 0)))  // makes the rewriter write anew
                         .answer(record(pointer_to(12), 65280, 1, rdata))
                         .build();
  Bytes out(1000);
  const auto length = strip_dnssec_records(*MessageView::parse(wire), RrType::kA, out);
  ASSERT_TRUE(length);
  int seen = 0;
  MessageView::parse(base::ByteView(out).first(*length))->for_each_record([&](const RecordView& rr) {
    EXPECT_EQ(Bytes(rr.rdata().begin(), rr.rdata().end()), rdata);
    return ++seen, true;
  });
  EXPECT_EQ(seen, 1);
}

// 4: only RDATA of the types of RFC 1035 may be written with compressed names.
TEST(Rfc3597Section4, NamesInRdataOfYoungerTypesAreNotCompressed) {
  for (const unsigned type : {17u, 18u, 33u, 36u, 39u}) {
    const Bytes prefix(type == 33 ? 6 : type == 18 || type == 36 ? 2 : 0, 0);
    const Bytes suffix = type == 17 ? pointer_to(12) : Bytes{};
    const Bytes wire = response_for("www.example.org", RrType::kA)
                           .answer(record(pointer_to(12), 46, 1, Bytes(19, 0)))
                           .answer(record(pointer_to(12), type, 1, prefix + pointer_to(12) + suffix))
                           .build();
    ASSERT_TRUE(MessageView::parse(wire)) << type << ": a receiver takes compressed names in them";
    Bytes out(1000);
    const auto length = strip_dnssec_records(*MessageView::parse(wire), RrType::kA, out);
    ASSERT_TRUE(length);
    const Bytes full = wire_name("www.example.org");
    const Bytes expected = prefix + full + (type == 17 ? full : Bytes{});
    MessageView::parse(base::ByteView(out).first(*length))->for_each_record([&](const RecordView& rr) {
      EXPECT_EQ(Bytes(rr.rdata().begin(), rr.rdata().end()), expected) << type;
      return true;
    });
  }
}

TEST(Rfc3597Section5, GenericPresentation) {
  const Bytes wire = response_for("www.example.org", RrType::kA)
                         .answer(record(pointer_to(12), 731, 300, {0xab, 0xcd, 0xef, 1, 0x23, 0x45}, 32))
                         .answer(record(pointer_to(12), 731, 300, {}))
                         .build();
  EXPECT_EQ(answer_text(*MessageView::parse(wire)),
            "www.example.org.\t300\tCLASS32\tTYPE731\t\\# 6 abcdef012345, www.example.org.\t300\tIN\tTYPE731\t\\# 0");
  EXPECT_EQ(parse_rr_type("TYPE731"), static_cast<RrType>(731));
}

}  // namespace
}  // namespace rampart::dns
