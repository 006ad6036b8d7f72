// RFC 7828: how a server says how long a connection may be idle. That it does so over TCP only, and only to those
// who ask, is shown end to end.
#include <gtest/gtest.h>

#include "dns/append_opt.h"
#include "dns/message_view.h"
#include "tests/support/dns_messages.h"

namespace rampart {
namespace {

using namespace testing;  // NOLINT: the octets' own names

Bytes with_room(Bytes message, std::size_t room) {
  message.resize(message.size() + room);
  return message;
}

TEST(Rfc7828Section3_1, TheOptionIsAppendedBehindOthersInTheOptThatEndsTheMessage) {
  const Bytes ede = edns_option(15, u16(22));
  const Bytes before = response_for("example.org", dns::RrType::kA).additional(opt_record(1232, 0, ede)).build();
  const Bytes expected = response_for("example.org", dns::RrType::kA)
                             .additional(opt_record(1232, 0, ede + edns_option(11, u16(100)))).build();
  Bytes message = with_room(before, 6);
  ASSERT_EQ(dns::append_tcp_keepalive(message, before.size(), 100), before.size() + 6);
  EXPECT_EQ(message, expected);
  EXPECT_TRUE(dns::MessageView::parse(message));
}

TEST(Rfc7828Section3_1, NothingIsAddedWithoutOptOrRoom) {
  const Bytes bare = response_for("example.org", dns::RrType::kA).build();
  Bytes message = with_room(bare, 6);
  EXPECT_EQ(dns::append_tcp_keepalive(message, bare.size(), 100), bare.size());
  const Bytes full = response_for("example.org", dns::RrType::kA).additional(opt_record()).build();
  message = with_room(full, 5);
  EXPECT_EQ(dns::append_tcp_keepalive(message, full.size(), 100), full.size());
}

TEST(Rfc7828Section3_1, AnOptThatDoesNotEndTheMessageIsLeftAlone) {
  const Bytes odd = response_for("example.org", dns::RrType::kA).additional(opt_record())
                        .additional(record("x.example.org", dns::RrType::kA, 60, {192, 0, 2, 1})).build();
  Bytes message = with_room(odd, 6);
  EXPECT_EQ(dns::append_tcp_keepalive(message, odd.size(), 100), odd.size());
  EXPECT_TRUE(dns::MessageView::parse(base::ByteView(message).first(odd.size())));
}

}  // namespace
}  // namespace rampart
