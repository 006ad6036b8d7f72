#include "dns/presentation.h"

#include <gtest/gtest.h>

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
using testing::u32;
using testing::wire_name;

Bytes from_hex(std::string_view hex) {
  Bytes bytes;
  for (std::size_t i = 0; i + 2 <= hex.size(); i += 2)
    bytes.push_back(static_cast<std::uint8_t>(std::stoul(std::string(hex.substr(i, 2)), nullptr, 16)));
  return bytes;
}

/// What is printed for the RDATA of one record of this type.
std::string printed(unsigned type, const Bytes& rdata) {
  const Bytes wire = response_for("www.example.org", RrType::kA)
                         .answer(record(pointer_to(12), type, 300, rdata))
                         .build();
  const auto message = MessageView::parse(wire);
  EXPECT_TRUE(message) << type;
  std::string text;
  if (message) message->for_each_record([&](const RecordView& rr) { return text = rdata_text(rr), true; });
  return text;
}

TEST(Presentation, NamesTypesAndReadsTheirNames) {
  for (const auto& [type, text] : {std::pair(1, "A"), {28, "AAAA"}, {64, "SVCB"}, {65, "HTTPS"}, {255, "ANY"},
                                   {257, "CAA"}, {251, "IXFR"}, {32769, "DLV"}, {1234, "TYPE1234"}, {0, "TYPE0"}}) {
    EXPECT_EQ(to_text(static_cast<RrType>(type)), text);
    EXPECT_EQ(parse_rr_type(text), static_cast<RrType>(type));
  }
  for (unsigned type = 0; type < 65536; ++type)
    ASSERT_EQ(parse_rr_type(to_text(static_cast<RrType>(type))), static_cast<RrType>(type));
}

TEST(Presentation, RefusesTypeNamesThatAreNone) {
  for (const char* text : {"", "a", "aaaa", "FOO", "TYPE", "TYPE-1", "TYPE65536", "TYPE1x", "TYPE 1", "type1"})
    EXPECT_FALSE(parse_rr_type(text)) << text;
  EXPECT_FALSE(parse_rr_type("TYPE1234", false));
  EXPECT_TRUE(parse_rr_type("MX", false));
}

TEST(Presentation, NamesRcodesAndClasses) {
  EXPECT_EQ(to_text(Rcode::kNoError), "NOERROR");
  EXPECT_EQ(to_text(Rcode::kFormErr), "FORMERR");
  EXPECT_EQ(to_text(Rcode::kServFail), "SERVFAIL");
  EXPECT_EQ(to_text(Rcode::kNxDomain), "NXDOMAIN");
  EXPECT_EQ(to_text(Rcode::kNotImp), "NOTIMP");
  EXPECT_EQ(to_text(Rcode::kRefused), "REFUSED");
  EXPECT_EQ(to_text(Rcode::kBadVers), "BADVERS");
  EXPECT_EQ(to_text(static_cast<Rcode>(23)), "BADCOOKIE");
  EXPECT_EQ(to_text(static_cast<Rcode>(15)), "RCODE15");
  EXPECT_EQ(to_text(static_cast<Rcode>(4095)), "RCODE4095");
  EXPECT_EQ(to_text(RrClass::kCh), "CH");
  EXPECT_EQ(to_text(static_cast<RrClass>(32)), "CLASS32");
}

TEST(RdataText, PrintsAddresses) {
  EXPECT_EQ(printed(1, {192, 0, 2, 1}), "192.0.2.1");
  EXPECT_EQ(printed(28, Bytes(15, 0) + Bytes{1}), "::1");
  EXPECT_EQ(printed(28, from_hex("20010db8000000000000000000000001")), "2001:db8::1");
  EXPECT_EQ(printed(28, from_hex("00000000000000000000ffffc0000201")), "::ffff:192.0.2.1");
}

TEST(RdataText, PrintsNamesExpandedWithFinalDot) {
  EXPECT_EQ(printed(5, Bytes{3, 'c', 'd', 'n'} + pointer_to(16)), "cdn.example.org.");
  EXPECT_EQ(printed(2, wire_name("ns.example.net")), "ns.example.net.");
  EXPECT_EQ(printed(12, wire_name("Host.example.net")), "Host.example.net.");
  EXPECT_EQ(printed(39, {0}), ".");
  EXPECT_EQ(printed(15, u16(10) + wire_name("mail.example.net")), "10 mail.example.net.");
  EXPECT_EQ(printed(33, u16(1) + u16(2) + u16(5060) + wire_name("sip.example.net")), "1 2 5060 sip.example.net.");
  EXPECT_EQ(printed(6, pointer_to(16) + wire_name("h") + u32(2024010101) + u32(1) + u32(2) + u32(3) + u32(4294967295)),
            "example.org. h. 2024010101 1 2 3 4294967295");
}

TEST(RdataText, PrintsStringsQuotedAndEscaped) {
  EXPECT_EQ(printed(16, Bytes{3} + text_bytes("a b") + Bytes{0} + Bytes{4, '"', '\\', 7, 0xff}),
            "\"a b\" \"\" \"\\\"\\\\\\007\\255\"");
  EXPECT_EQ(printed(13, Bytes{1, 'x', 1, 'y'}), "\"x\" \"y\"");
  EXPECT_EQ(printed(257, Bytes{0x80, 5} + text_bytes("issueca.example.net; a=\"b\"")),
            "128 issue \"ca.example.net; a=\\\"b\\\"\"");
  EXPECT_EQ(printed(35, u16(100) + u16(10) + Bytes{1, 'u', 3, 'E', '2', 'U', 0} + Bytes{0}), "100 10 \"u\" \"E2U\" \"\" .");
}

TEST(RdataText, PrintsDnssec) {
  EXPECT_EQ(printed(43, u16(60485) + Bytes{5, 1} + from_hex("2bb183af5f22588179a53b0a98631fad1a292118")),
            "60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118");
  EXPECT_EQ(printed(48, u16(256) + Bytes{3, 13, 'f', 'o', 'o', 'b'}), "256 3 13 Zm9vYg==");
  EXPECT_EQ(printed(48, u16(257) + Bytes{3, 13, 'f', 'o', 'o', 'b', 'a'}), "257 3 13 Zm9vYmE=");
  EXPECT_EQ(printed(46, u16(1) + Bytes{13, 3} + u32(300) + u32(1079442000) + u32(1076850000) + u16(2642) +
                            wire_name("example.org") + Bytes{'f', 'o', 'o'}),
            "A 13 3 300 20040316130000 20040215130000 2642 example.org. Zm9v");
  // RFC 4034 4.3: A MX RRSIG NSEC TYPE1234
  EXPECT_EQ(printed(47, wire_name("host.example.com") +
                            from_hex("0006400100000003041b000000000000000000000000000000000000000000000000000020")),
            "host.example.com. A MX RRSIG NSEC TYPE1234");
  EXPECT_EQ(printed(50, Bytes{1, 0} + u16(12) + Bytes{2, 0xaa, 0xbb} + Bytes{5} + text_bytes("fooba") + Bytes{0, 1, 0x40}),
            "1 0 12 AABB CPNMUOJ1 A");
  EXPECT_EQ(printed(52, Bytes{3, 1, 1, 0xab, 0xcd}), "3 1 1 abcd");
}

TEST(RdataText, PrintsServiceBindings) {
  EXPECT_EQ(printed(65, u16(0) + wire_name("svc.example.net")), "0 svc.example.net.");
  EXPECT_EQ(printed(65, u16(1) + Bytes{0} + edns_option(0, u16(1) + u16(4)) +
                            edns_option(1, Bytes{2, 'h', '2', 2, 'h', '3'}) + edns_option(2, {}) +
                            edns_option(3, u16(8443)) + edns_option(4, {192, 0, 2, 1, 192, 0, 2, 2}) +
                            edns_option(5, {1, 2, 3}) + edns_option(6, Bytes(15, 0) + Bytes{1}) +
                            edns_option(7, text_bytes("/dns-query{?dns}")) + edns_option(667, text_bytes("hello\xd2"))),
            "1 . mandatory=\"alpn,ipv4hint\" alpn=\"h2,h3\" no-default-alpn port=\"8443\" "
            "ipv4hint=\"192.0.2.1,192.0.2.2\" ech=\"AQID\" ipv6hint=\"::1\" dohpath=\"/dns-query{?dns}\" "
            "key667=\"hello\\210\"");
  // RFC 9460 appendix D.2: escaping of a comma and a backslash in an alpn item.
  EXPECT_EQ(printed(64, u16(16) + wire_name("foo.example.org") +
                            edns_option(1, Bytes{8} + text_bytes("f\\oo,bar") + Bytes{2, 'h', '2'})),
            "16 foo.example.org. alpn=\"f\\\\\\\\oo\\\\,bar,h2\"");
}

TEST(RdataText, FallsBackToTheGenericFormWhereTheTypeIsUnknownOrItsRdataIsNot) {
  EXPECT_EQ(printed(65280, {0xab, 0xcd}), "\\# 2 abcd");
  EXPECT_EQ(printed(65280, {}), "\\# 0");
  EXPECT_EQ(printed(43, {1, 2, 3}), "\\# 3 010203");        // DS cut short
  EXPECT_EQ(printed(257, {0, 9, 'i'}), "\\# 3 000969");     // CAA tag beyond
  EXPECT_EQ(printed(46, Bytes(10, 1)), "\\# 10 01010101010101010101");
  EXPECT_EQ(printed(47, {0, 0, 9, 1}), "\\# 4 00000901");   // NSEC window beyond
}

TEST(AnswerText, PrintsTheAnswerSectionOnly) {
  const Bytes wire = response_for("www.example.org", RrType::kA)
                         .answer(record(pointer_to(12), 5, 60, wire_name("cdn.example.net")))
                         .answer(record("cdn.example.net", RrType::kA, 30, {192, 0, 2, 1}))
                         .answer(record("cdn.example.net", RrType::kAaaa, 30, Bytes(15, 0) + Bytes{1}))
                         .answer(record("1.2.0.192.in-addr.arpa", RrType::kPtr, 30, wire_name("cdn.example.net")))
                         .answer(record("example.org", RrType::kTxt, 30, Bytes{1, 'x'}))
                         .authority(record("example.net", RrType::kNs, 1, wire_name("ns.example.net")))
                         .build();
  const auto message = MessageView::parse(wire);
  ASSERT_TRUE(message);
  EXPECT_EQ(answer_text(*message),
            "CNAME (cdn.example.net.), A (192.0.2.1), AAAA (::1), PTR (cdn.example.net.), "
            "example.org.\t30\tIN\tTXT\t\"x\"");
}

TEST(AnswerText, OfNothingIsEmpty) {
  const Bytes wire = response_for("www.example.org", RrType::kA).build();
  EXPECT_EQ(answer_text(*MessageView::parse(wire)), "");
}

}  // namespace
}  // namespace rampart::dns
