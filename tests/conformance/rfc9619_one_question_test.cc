// RFC 9619: a query with OPCODE 0 has exactly one question; any other count is FORMERR.
#include <gtest/gtest.h>

#include "dns/message_view.h"
#include "dns/query_view.h"
#include "tests/support/dns_messages.h"

namespace rampart::dns {
namespace {

using testing::Bytes;
using testing::MessageBuilder;
using testing::query_for;

Rcode refusal(const Bytes& wire) {
  const auto query = QueryView::parse(wire);
  EXPECT_FALSE(query);
  if (query) return Rcode::kNoError;
  std::uint8_t out[512];
  const auto response = MessageView::parse({out, error_response(wire, query.error(), out)});
  EXPECT_TRUE(response);
  EXPECT_EQ(response->id(), 0x1234);
  return response->rcode();
}

TEST(Rfc9619Section4, NoQuestionIsFormErr) { EXPECT_EQ(refusal(MessageBuilder().build()), Rcode::kFormErr); }

TEST(Rfc9619Section4, TwoQuestionsAreFormErr) {
  EXPECT_EQ(refusal(query_for("a.example.org", RrType::kA).question("b.example.org", RrType::kA).build()),
            Rcode::kFormErr);
}

TEST(Rfc9619Section4, AnyOtherCountIsFormErrWhateverFollows) {
  for (const unsigned count : {2u, 3u, 256u, 65535u})
    EXPECT_EQ(refusal(query_for("a", RrType::kA).count(0, static_cast<std::uint16_t>(count)).build()), Rcode::kFormErr)
        << count;
}

TEST(Rfc9619Section4, ResponsesWithTwoQuestionsAreNotUsed) {
  const Bytes wire = testing::response_for("a", RrType::kA).question("b", RrType::kA).build();
  ASSERT_FALSE(MessageView::parse(wire));
  EXPECT_EQ(MessageView::parse(wire).error(), MessageError::kCounts);
}

}  // namespace
}  // namespace rampart::dns
