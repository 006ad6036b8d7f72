#include "dns/zone_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "dns/presentation.h"

namespace rampart::dns {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

std::string text_of(const ZoneRecord& record) {
  RecordView view;
  view.message = record.rdata;
  view.type = record.type;
  view.rdata_length = static_cast<std::uint16_t>(record.rdata.size());
  return to_fqdn_text(record.owner.view()) + " " + std::to_string(record.ttl) + " " + to_text(record.type) + " " +
         rdata_text(view);
}

std::vector<std::string> read(std::string_view text, const ZoneTextOptions& options = {}) {
  const auto records = parse_zone(text, options);
  if (!records.ok()) return {"line " + std::to_string(records.error()[0].line) + ": " + records.error()[0].what};
  std::vector<std::string> texts;
  for (const auto& record : *records) texts.push_back(text_of(record));
  return texts;
}

std::string fault(std::string_view text, const ZoneTextOptions& options = {}) {
  const auto records = parse_zone(text, options);
  if (records.ok()) return "no fault";
  const auto& error = records.error().front();
  return (error.file.empty() ? "" : error.file + " ") + std::to_string(error.line) + ": " + error.what;
}

TEST(ZoneText, ReadsOwnersTtlsAndClassesInAnyOrder) {
  EXPECT_THAT(read("$ORIGIN example.org.\n"
                   "$TTL 1h\n"
                   "www A 192.0.2.1\n"
                   "\t  A 192.0.2.2\n"
                   "www 60 IN AAAA 2001:db8::1\n"
                   "www in 1m AAAA 2001:db8::2\n"
                   "@ MX 10 mail\n"
                   "other.example.net. CNAME www\n"),
              ElementsAre("www.example.org. 3600 A 192.0.2.1", "www.example.org. 3600 A 192.0.2.2",
                          "www.example.org. 60 AAAA 2001:db8::1", "www.example.org. 60 AAAA 2001:db8::2",
                          "example.org. 3600 MX 10 mail.example.org.", "other.example.net. 3600 CNAME www.example.org."));
}

TEST(ZoneText, JoinsLinesInParenthesesAndSkipsComments) {
  EXPECT_THAT(read("; a comment\n\n"
                   "example.org. 300 IN SOA ns.example.org. admin.example.org. ( ; begins\n"
                   "    1 ; serial\n"
                   "    2h 1h 1w\n"
                   "  300 )\n"
                   "example.org. 300 TXT ( \"a;b\"\n \"c d\" )\n"),
              ElementsAre("example.org. 300 SOA ns.example.org. admin.example.org. 1 7200 3600 604800 300",
                          "example.org. 300 TXT \"a;b\" \"c d\""));
}

TEST(ZoneText, ReadsTheTypesOfHomeNetworks) {
  EXPECT_THAT(read("$TTL 60\n"
                   "_ldap._tcp.example.org. SRV 0 5 389 dc.example.org.\n"
                   "example.org. CAA 0 issue \"ca.example.net\"\n"
                   "example.org. TXT \"quote \\\" and \\065\" plain\n"
                   "1.2.0.192.in-addr.arpa. PTR host.example.org.\n"
                   "example.org. TYPE731 \\# 3 ab cdef\n"
                   "h.example.org. HTTPS \\# 3 000100\n"
                   "n.example.org. NAPTR 10 20 \"s\" \"SIP+D2U\" \"\" _sip._udp.example.org.\n"),
              ElementsAre("_ldap._tcp.example.org. 60 SRV 0 5 389 dc.example.org.",
                          "example.org. 60 CAA 0 issue \"ca.example.net\"",
                          "example.org. 60 TXT \"quote \\\" and A\" \"plain\"",
                          "1.2.0.192.in-addr.arpa. 60 PTR host.example.org.", "example.org. 60 TYPE731 \\# 3 abcdef",
                          "h.example.org. 60 HTTPS 1 .",
                          "n.example.org. 60 NAPTR 10 20 \"s\" \"SIP+D2U\" \"\" _sip._udp.example.org."));
}

TEST(ZoneText, EscapedDotsAndOctetsBelongToLabels) {
  EXPECT_THAT(read("$ORIGIN example.org.\n$TTL 1\na\\.b A 192.0.2.1\nc\\046 A 192.0.2.1\nd\\. A 192.0.2.1\n"),
              ElementsAre("a\\.b.example.org. 1 A 192.0.2.1", "c\\..example.org. 1 A 192.0.2.1",
                          "d\\..example.org. 1 A 192.0.2.1"));
}

TEST(ZoneText, TtlIsThatOfTheLastRecordWithoutDirective) {
  EXPECT_THAT(read("a. 5 A 192.0.2.1\na. A 192.0.2.2\n"), ElementsAre("a. 5 A 192.0.2.1", "a. 5 A 192.0.2.2"));
}

TEST(ZoneText, GeneratesRecords) {
  EXPECT_THAT(read("$ORIGIN example.org.\n$TTL 9\n"
                   "$GENERATE 1-5/2 host$ A 192.0.2.$\n"
                   "$GENERATE 10-10 h${5,4,x} 60 TXT \"\\$ $\"\n"),
              ElementsAre("host1.example.org. 9 A 192.0.2.1", "host3.example.org. 9 A 192.0.2.3",
                          "host5.example.org. 9 A 192.0.2.5", "h000f.example.org. 60 TXT \"$ 10\""));
}

TEST(ZoneText, IncludesFilesWithTheirOwnOrigin) {
  ZoneTextOptions options;
  options.include = [](const std::string& path) -> base::Result<std::string, std::string> {
    if (path == "hosts.zone") return std::string("$ORIGIN elsewhere.example.\nx 1 A 192.0.2.1\n");
    if (path == "loop.zone") return std::string("$INCLUDE loop.zone\n");
    if (path == "bad.zone") return std::string("\nb 1 A no\n");
    return base::Error{std::string("no such file")};
  };
  EXPECT_THAT(read("$ORIGIN example.org.\n$INCLUDE hosts.zone\ny 1 A 192.0.2.2\n"),
              ElementsAre(HasSubstr("no files can be included")));
  EXPECT_THAT(read("$ORIGIN example.org.\n$INCLUDE hosts.zone\ny 1 A 192.0.2.2\n", options),
              ElementsAre("x.elsewhere.example. 1 A 192.0.2.1", "y.example.org. 1 A 192.0.2.2"));
  EXPECT_THAT(fault("a. 1 A 192.0.2.1\n$INCLUDE none.zone\n", options), StartsWith("2: $INCLUDE 'none.zone': no such file"));
  EXPECT_THAT(fault("$INCLUDE bad.zone b.example.\n", options), StartsWith("bad.zone 2: A: 'no' is no IPv4 address"));
  EXPECT_THAT(fault("$INCLUDE loop.zone\n", options), HasSubstr("more than 7 deep"));
}

TEST(ZoneText, FaultsNameTheLineAndTheCure) {
  EXPECT_THAT(fault("www A 192.0.2.1\n"), StartsWith("1: the owner 'www' is relative, but there is no $ORIGIN"));
  EXPECT_THAT(fault("\n\nwww. A 192.0.2.1\n"), StartsWith("3: the record has no TTL"));
  EXPECT_THAT(fault("a. 1 A 192.0.2.1 192.0.2.2\n"), HasSubstr("'192.0.2.2' is too much"));
  EXPECT_THAT(fault("a. 1 A\n"), HasSubstr("ends too early"));
  EXPECT_THAT(fault("a. 1 A 192.0.2.256\n"), HasSubstr("is no IPv4 address"));
  EXPECT_THAT(fault("a. 1 B 192.0.2.1\n"), HasSubstr("'B' is no record type"));
  EXPECT_THAT(fault("a. 1 CH A 192.0.2.1\n"), HasSubstr("only IN has"));
  EXPECT_THAT(fault("a. 1 ANY x\n"), HasSubstr("only IN has"));
  EXPECT_THAT(fault("a. 1 OPT x\n"), HasSubstr("cannot be of the type OPT"));
  EXPECT_THAT(fault("a. 1 SRV 1 2 70000 b.\n"), HasSubstr("'70000' is no number from 0 to 65535"));
  EXPECT_THAT(fault("a. 1 CNAME b\n"), HasSubstr("'b' is relative"));
  EXPECT_THAT(fault("a. 1 LOC 1 2 3\n"), HasSubstr("\\# LENGTH HEX"));
  EXPECT_THAT(fault("a. 1 TXT \"open\n"), HasSubstr("quote is not closed"));
  EXPECT_THAT(fault("a. 1 TXT ( x\n"), HasSubstr("parenthesis is not closed"));
  EXPECT_THAT(fault("a. 1 TXT x )\n"), HasSubstr("a closing one without its opening one"));
  EXPECT_THAT(fault("a. 1 TXT \\# 3 ab\n"), HasSubstr("is followed by 1 octets"));
  EXPECT_THAT(fault("a. 1 A \\# 3 abcdef\n"), HasSubstr("no such data"));
  EXPECT_THAT(fault("a. 1 CNAME \\# 2 c00c\n"), HasSubstr("no such data"));
  EXPECT_THAT(fault("a. 99999999999 A 192.0.2.1\n"), HasSubstr("is no record type, TTL or class"));
  EXPECT_THAT(fault("$FOO x\n"), HasSubstr("'$FOO' is unknown"));
  EXPECT_THAT(fault("$GENERATE 5-1 a$ A 192.0.2.$\n"), HasSubstr("FIRST-LAST"));
  EXPECT_THAT(fault("  A 192.0.2.1\n"), HasSubstr("no owner"));
  EXPECT_THAT(fault(std::string(64, 'a') + ". 1 A 192.0.2.1\n"), HasSubstr("is no domain name"));
}

TEST(ZoneText, HasBounds) {
  ZoneTextOptions options;
  options.limits.records_max = 10;
  EXPECT_THAT(fault("$TTL 1\n$GENERATE 1-2000000000 a$. A 192.0.2.1\n", options), StartsWith("2: more than 10 records"));
  options.limits.bytes_max = 100;
  options.limits.records_max = 1000;
  EXPECT_THAT(fault("$TTL 1\n$GENERATE 1-2000000000 a$. A 192.0.2.1\n", options), HasSubstr("more text than is allowed"));
  EXPECT_THAT(fault(std::string(101, ' '), options), HasSubstr("MiB of zone text"));
  EXPECT_THAT(fault("a. 1 TXT \"" + std::string(256, 'x') + "\"\n"), HasSubstr("longer than 255 octets"));
  std::string long_text = "a. 1 TXT";
  for (int i = 0; i < 300; ++i) long_text += " " + std::string(250, 'x');
  EXPECT_THAT(fault(long_text), HasSubstr("more than 65535 octets"));
}

TEST(ZoneText, NothingIsNoFault) { EXPECT_THAT(read("; nothing\n\n   \n"), IsEmpty()); }

TEST(ZoneText, NamesAllFaultsUntilTheRestWouldBeMisunderstood) {
  const auto faults = [](std::string_view text) {
    std::vector<std::uint64_t> lines;
    const auto records = parse_zone(text);
    if (!records.ok())
      for (const auto& fault : records.error()) lines.push_back(fault.line);
    return lines;
  };
  EXPECT_THAT(faults("$TTL 60\na. A 1\n$WHAT x\nb. A 192.0.2.1\n$GENERATE 1-9 c$. A x\nd. Q\n"),
              ElementsAre(2, 3, 5, 6));
  EXPECT_THAT(faults("a. Q\n$ORIGIN ..\nb Q\n"), ElementsAre(1, 2));
  EXPECT_THAT(faults("a. Q\nb. 60 TXT \"x\nc. Q\n"), ElementsAre(1, 2));
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "a. Q\n";
  EXPECT_EQ(faults(many).size(), kZoneFaultsMax);
}

}  // namespace
}  // namespace rampart::dns
