// remove_svc_param() of dns/message_edit.h.
#include <gtest/gtest.h>

#include "dns/message_edit.h"
#include "dns/presentation.h"
#include "dns/svc_params.h"
#include "tests/support/dns_messages.h"

namespace rampart::dns {
namespace {

using testing::Bytes;
using testing::edns_option;
using testing::pointer_to;
using testing::record;
using testing::response_for;
using testing::u16;
using testing::u32;
using testing::wire_name;

Bytes param(unsigned key, const Bytes& value) { return edns_option(key, value); }
const Bytes kService = u16(1) + wire_name("svc.example.net");
const Bytes kHint = param(6, Bytes(32, 0x20));

Bytes response_with(const Bytes& rdata) {
  return response_for("www.example.org", RrType::kHttps).answer(record(pointer_to(12), 65, 300, rdata)).build();
}

// The RDATA without ipv6hint; nothing if the message was left alone.
std::string without_hint(const Bytes& rdata) {
  const Bytes wire = response_with(rdata);
  const auto message = MessageView::parse(wire);
  EXPECT_TRUE(message);
  Bytes out(wire.size());
  const auto length = remove_svc_param(*message, kSvcIpv6Hint, out);
  EXPECT_TRUE(length);
  if (!length || *length == 0) return "";
  const auto edited = MessageView::parse(base::ByteView(out).first(*length));
  EXPECT_TRUE(edited);
  std::string text;
  if (edited) edited->for_each_record([&](const RecordView& rr) { return text = rdata_text(rr), true; });
  return text;
}

TEST(RemoveSvcParam, TakesItOutWhereverItStands) {
  EXPECT_EQ(without_hint(kService + kHint), "1 svc.example.net.");
  EXPECT_EQ(without_hint(kService + param(3, u16(443)) + kHint + param(667, {'x'})),
            "1 svc.example.net. port=\"443\" key667=\"x\"");
  EXPECT_EQ(without_hint(u16(0) + wire_name("svc.example.net") + kHint), "0 svc.example.net.");
}

TEST(RemoveSvcParam, TakesItOutOfTheMandatoryKeys) {
  EXPECT_EQ(without_hint(kService + param(0, u16(6)) + kHint), "1 svc.example.net.") << "no empty list is left";
  const Bytes port = param(3, u16(443));
  EXPECT_EQ(without_hint(kService + param(0, u16(6) + u16(667)) + kHint + param(667, {'x'})),
            "1 svc.example.net. mandatory=\"key667\" key667=\"x\"");
  EXPECT_EQ(without_hint(kService + param(0, u16(3) + u16(6) + u16(667)) + port + kHint + param(667, {'x'})),
            "1 svc.example.net. mandatory=\"port,key667\" port=\"443\" key667=\"x\"");
  EXPECT_EQ(without_hint(kService + param(0, u16(3)) + port + kHint),
            "1 svc.example.net. mandatory=\"port\" port=\"443\"");
}

TEST(RemoveSvcParam, LeavesAMessageWithoutItAlone) {
  EXPECT_EQ(without_hint(kService), "");
  EXPECT_EQ(without_hint(kService + param(4, {192, 0, 2, 1})), "");
}

TEST(RemoveSvcParam, TakesSignaturesOverTheTypeAndAdAway) {
  const auto rrsig = [](unsigned covered) {
    const Bytes signature = u32(300) + u32(2) + u32(1) + u16(7) + wire_name("example.org") + Bytes(9);
    return record(pointer_to(12), 46, 300, u16(covered) + Bytes{13, 3} + signature);
  };
  const Bytes wire = response_for("www.example.org", RrType::kHttps)
                         .flags(0x8180 | kFlagAd)
                         .answer(record(pointer_to(12), 65, 300, kService + kHint))
                         .answer(rrsig(65))
                         .answer(rrsig(64))
                         .additional(record(pointer_to(12), 64, 300, kService))
                         .additional(testing::opt_record())
                         .build();
  Bytes out(wire.size());
  const auto length = remove_svc_param(*MessageView::parse(wire), kSvcIpv6Hint, out);
  ASSERT_TRUE(length);
  const auto edited = MessageView::parse(base::ByteView(out).first(*length));
  ASSERT_TRUE(edited);
  EXPECT_EQ(edited->answer_count(), 2) << "the signature over SVCB stays, as no record of it was changed";
  EXPECT_EQ(edited->additional_count(), 2);
  EXPECT_TRUE(edited->has_edns());
  EXPECT_EQ(edited->flags(), 0x8180);
}

TEST(RemoveSvcParam, SaysWhenThereIsNoRoom) {
  const Bytes wire = response_with(kService + kHint);
  const std::size_t needed = wire.size() - kHint.size();
  for (std::size_t room = 0; room < needed; ++room) {
    Bytes out(room);
    EXPECT_FALSE(remove_svc_param(*MessageView::parse(wire), kSvcIpv6Hint, out)) << room;
  }
  Bytes out(needed);
  EXPECT_TRUE(remove_svc_param(*MessageView::parse(wire), kSvcIpv6Hint, out));
}

}  // namespace
}  // namespace rampart::dns
