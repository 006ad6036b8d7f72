// RFC 9460: RDATA of SVCB and HTTPS.
#include <gtest/gtest.h>

#include "dns/message_view.h"
#include "dns/presentation.h"
#include "tests/support/dns_messages.h"

namespace rampart::dns {
namespace {

using testing::Bytes;
using testing::edns_option;
using testing::pointer_to;
using testing::record;
using testing::response_for;
using testing::text_bytes;
using testing::u16;
using testing::wire_name;

/// A parameter has the form of an EDNS option: key, length, value.
Bytes param(unsigned key, const Bytes& value) { return edns_option(key, value); }

Bytes message_with(const Bytes& rdata, unsigned type = 65) {
  return response_for("www.example.org", RrType::kHttps).answer(record(pointer_to(12), type, 300, rdata)).build();
}
bool is_accepted(const Bytes& rdata) {
  const auto message = MessageView::parse(message_with(rdata));
  if (!message) {
    EXPECT_EQ(message.error(), MessageError::kBadRdata);
  }
  return message.ok();
}

const Bytes kService = u16(1) + Bytes{0};

TEST(Rfc9460Section2_2, KeysStandInStrictlyIncreasingOrder) {
  EXPECT_TRUE(is_accepted(kService + param(1, {2, 'h', '2'}) + param(3, u16(443)) + param(65000, {})));
  EXPECT_FALSE(is_accepted(kService + param(3, u16(443)) + param(1, {2, 'h', '2'})));
  EXPECT_FALSE(is_accepted(kService + param(3, u16(443)) + param(3, u16(443))));
}

TEST(Rfc9460Section2_2, TheTargetIsNotCompressed) {
  EXPECT_TRUE(is_accepted(u16(1) + wire_name("svc.example.net")));
  EXPECT_FALSE(is_accepted(u16(1) + pointer_to(12)));
  EXPECT_FALSE(is_accepted(u16(1) + Bytes{1, 'a'} + pointer_to(12)));
}

TEST(Rfc9460Section2_2, RdataEndsWithAWholeParameter) {
  const Bytes whole = kService + param(1, {2, 'h', '2'}) + param(4, {192, 0, 2, 1});
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const bool is_boundary = length == 3 || length == 3 + 7;
    EXPECT_EQ(is_accepted(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length))), is_boundary)
        << length;
  }
}

TEST(Rfc9460Section7, ValuesOfKnownKeysHaveTheirForm) {
  EXPECT_FALSE(is_accepted(kService + param(1, {})));                  // alpn: at least one
  EXPECT_FALSE(is_accepted(kService + param(1, {0})));                 // none of them empty
  EXPECT_FALSE(is_accepted(kService + param(1, {3, 'h', '2'})));
  EXPECT_FALSE(is_accepted(kService + param(2, {1})));                 // no-default-alpn: no value
  EXPECT_TRUE(is_accepted(kService + param(2, {})));
  EXPECT_FALSE(is_accepted(kService + param(3, {1})));                 // port: two octets
  EXPECT_FALSE(is_accepted(kService + param(3, {0, 1, 0})));
  EXPECT_FALSE(is_accepted(kService + param(4, {})));                  // hints: whole addresses, at least one
  EXPECT_FALSE(is_accepted(kService + param(4, Bytes(5, 0))));
  EXPECT_TRUE(is_accepted(kService + param(4, Bytes(8, 0))));
  EXPECT_FALSE(is_accepted(kService + param(6, Bytes(4, 0))));
  EXPECT_TRUE(is_accepted(kService + param(6, Bytes(32, 0))));
  EXPECT_TRUE(is_accepted(kService + param(5, Bytes(70, 1))));         // ech: opaque
}

TEST(Rfc9460Section8, MandatoryListsOtherKeysInOrder) {
  EXPECT_TRUE(is_accepted(kService + param(0, u16(1) + u16(4)) + param(1, {1, 'x'}) + param(4, Bytes(4, 0))));
  EXPECT_FALSE(is_accepted(kService + param(0, {})));
  EXPECT_FALSE(is_accepted(kService + param(0, {1})));
  EXPECT_FALSE(is_accepted(kService + param(0, u16(0))));
  EXPECT_FALSE(is_accepted(kService + param(0, u16(4) + u16(1))));
  EXPECT_FALSE(is_accepted(kService + param(0, u16(4) + u16(4))));
}

TEST(Rfc9460Section4_3, UnknownKeysAreConveyed) {
  EXPECT_TRUE(is_accepted(kService + param(667, text_bytes("hello")) + param(65535, Bytes(300, 0xff))));
}

TEST(Rfc9460AppendixD, PrintsTheTestVectors) {
  const struct {
    Bytes rdata;
    const char* text;
  } vectors[] = {
      {u16(0) + wire_name("foo.example.com"), "0 foo.example.com."},
      {u16(1) + Bytes{0}, "1 ."},
      {u16(16) + wire_name("foo.example.com") + param(3, u16(53)), "16 foo.example.com. port=\"53\""},
      {u16(1) + wire_name("foo.example.com") + param(667, text_bytes("hello")), "1 foo.example.com. key667=\"hello\""},
      {u16(1) + wire_name("foo.example.com") + param(667, text_bytes("hello\xd2qoo")),
       "1 foo.example.com. key667=\"hello\\210qoo\""},
      {u16(16) + wire_name("foo.example.org") + param(0, u16(1) + u16(4)) + param(1, {2, 'h', '2', 5, 'h', '3', '-', '1', '9'}) +
           param(4, {192, 0, 2, 1}),
       "16 foo.example.org. mandatory=\"alpn,ipv4hint\" alpn=\"h2,h3-19\" ipv4hint=\"192.0.2.1\""},
  };
  for (const auto& vector : vectors) {
    const Bytes wire = message_with(vector.rdata, 64);
    const auto message = MessageView::parse(wire);
    ASSERT_TRUE(message) << vector.text;
    message->for_each_record([&](const RecordView& rr) {
    EXPECT_EQ(rdata_text(rr), vector.text);
    return true;
  });
  }
}

}  // namespace
}  // namespace rampart::dns
