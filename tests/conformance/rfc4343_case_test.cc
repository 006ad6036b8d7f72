// RFC 4343: comparison without regard to ASCII case; case kept on the way back.
#include <gtest/gtest.h>

#include "dns/message_view.h"
#include "dns/query_view.h"
#include "dns/response_writer.h"
#include "tests/support/dns_messages.h"

namespace rampart::dns {
namespace {

using testing::Bytes;
using testing::query_for;

TEST(Rfc4343Section3, OnlyTheLettersAToZFold) {
  for (unsigned a = 0; a < 256; ++a) {
    for (unsigned b = 0; b < 256; ++b) {
      const Bytes left{1, static_cast<std::uint8_t>(a), 0};
      const Bytes right{1, static_cast<std::uint8_t>(b), 0};
      const auto lower = [](unsigned c) { return c >= 'A' && c <= 'Z' ? c + 32 : c; };
      ASSERT_EQ(equal_ignoring_case(NameView(left), NameView(right)), lower(a) == lower(b)) << a << ' ' << b;
    }
  }
}

TEST(Rfc4343Section3, OnlyTheLettersAToZFoldInLongNamesToo) {
  for (unsigned a = 0; a < 256; ++a) {
    Bytes left{11, 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', 'x', static_cast<std::uint8_t>(a), 0};
    Bytes right = left;
    right[11] = static_cast<std::uint8_t>(a ^ 0x20);
    const unsigned letter = a & ~0x20u;
    ASSERT_EQ(equal_ignoring_case(NameView(left), NameView(right)), letter >= 'A' && letter <= 'Z') << a;
  }
}

TEST(Rfc4343Section4_1, TheQuestionComesBackInTheCaseOfTheClient) {
  const Bytes wire = query_for("wWW.eXAMPLE.oRG", RrType::kA).build();
  const auto query = *QueryView::parse(wire);
  std::uint8_t out[512];
  ResponseWriter writer(query, out, 512);
  const Name lower = *Name::parse("www.example.org");
  const std::uint8_t address[] = {192, 0, 2, 1};
  ASSERT_TRUE(writer.add_record(Section::kAnswer, lower.view(), RrType::kA, RrClass::kIn, 1, base::ByteView(address)));
  const std::size_t length = writer.finish();
  EXPECT_TRUE(std::equal(query.question().begin(), query.question().end(), out + 12));
  EXPECT_EQ(base::load_u16(&out[wire.size()]), 0xc00c) << "an owner of other case is the same name";
  EXPECT_EQ(length, wire.size() + 16);
}

}  // namespace
}  // namespace rampart::dns
