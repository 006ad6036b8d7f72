#include "blocklists/list_parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/rule_collector.h"

namespace rampart::blocklists {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Parsed {
  std::vector<std::string> rules;
  ListStatistics statistics;
  [[nodiscard]] std::uint64_t skipped(SkipCause cause) const { return statistics.skipped[static_cast<std::size_t>(cause)]; }
};

Parsed parse(std::string_view text, ListParserOptions options = {.max_errors = -1}) {
  support::RuleCollector sink;
  ListStatistics statistics = parse_list(text, options, sink);
  return {std::move(sink.rules), std::move(statistics)};
}

void expect_rules(std::string_view text, const std::vector<std::string>& rules) {
  const Parsed parsed = parse(text);
  EXPECT_EQ(parsed.rules, rules) << text;
  EXPECT_EQ(parsed.statistics.error_count, 0u) << text << (parsed.statistics.errors.empty() ? "" : parsed.statistics.errors[0].text);
}

void expect_skipped(SkipCause cause, std::string_view text) {
  const Parsed parsed = parse(text);
  EXPECT_THAT(parsed.rules, IsEmpty()) << text;
  EXPECT_EQ(parsed.skipped(cause), 1u) << text;
  EXPECT_EQ(parsed.statistics.error_count, 0u) << text;
}

void expect_error(std::string_view text, std::string_view reason) {
  const Parsed parsed = parse(text);
  EXPECT_THAT(parsed.rules, IsEmpty()) << text;
  ASSERT_EQ(parsed.statistics.error_count, 1u) << text;
  EXPECT_THAT(parsed.statistics.errors[0].text, HasSubstr(std::string(reason))) << text;
}

TEST(ListParser, PlainNamesInAnySpelling) {
  expect_rules("Example.ORG", {"deny exact example.org"});
  expect_rules("  example.org.\t\r\n", {"deny exact example.org"});
  expect_rules("localhost", {"deny exact localhost"});
  expect_rules("_dmarc.x-y.example.org", {"deny exact _dmarc.x-y.example.org"});
  expect_rules("example.org_", {"deny exact example.org_"});
  expect_rules("xn--bcher-kva.example", {"deny exact xn--bcher-kva.example"});
  expect_rules("B\xC3\xBC" "cher.example", {"deny exact xn--bcher-kva.example"});
  expect_rules("\xEF\xBB\xBF" "example.org", {"deny exact example.org"});
  expect_rules(std::string(63, 'a') + ".org", {"deny exact " + std::string(63, 'a') + ".org"});
}

TEST(ListParser, WhatIsNoNameIsAnError) {
  for (const auto& text : {std::string("example..org"), std::string(".example.org"), std::string("exa mple.org"),
                           std::string("example.org,"), std::string("<html>"), std::string(64, 'a') + ".org",
                           std::string("a\xFF" "b.org"), std::string("a") + std::string(300, '.')}) {
    EXPECT_EQ(parse(text).statistics.error_count, 1u) << text;
    EXPECT_THAT(parse(text).rules, IsEmpty()) << text;
  }
  expect_error("https://example.org/", "a page address");
  expect_error(std::string_view("exam\0ple.org", 12), "NUL");
  expect_error("1.2.3.4/33", "neither name");
}

TEST(ListParser, CommentsAndBlankLines) {
  const Parsed parsed = parse("\n  \r\n# text\n! text\n; text\n[Adblock Plus 2.0]\n#### title ####\n##\nexample.org # why\nexample.net ; why\n");
  EXPECT_THAT(parsed.rules, ElementsAre("deny exact example.org", "deny exact example.net"));
  EXPECT_EQ(parsed.statistics.blank_lines, 8u);
  EXPECT_EQ(parsed.statistics.lines, 10u);
  EXPECT_EQ(parsed.statistics.error_count, 0u);
}

TEST(ListParser, HostsLinesGiveAllTheirNames) {
  expect_rules("0.0.0.0 a.example.org b.example.org#why", {"deny exact a.example.org", "deny exact b.example.org"});
  expect_rules("fe80::1%lo0 localhost", {"deny exact localhost"});
  expect_rules("::1\tip6-localhost ip6-loopback # x", {"deny exact ip6-localhost", "deny exact ip6-loopback"});
  expect_rules("192.0.2.1 a.example.org", {"deny exact a.example.org"});
  expect_rules("0.0.0.0 0.0.0.0", {"deny address 0.0.0.0"});
  expect_error("::1 ::1", "not a host name");
  expect_error("example.org example.net", "several columns");
}

TEST(ListParser, AddressesAndRanges) {
  expect_rules("192.0.2.1", {"deny address 192.0.2.1"});
  expect_rules("192.0.2.77/24 ; remark", {"deny address 192.0.2.0/24"});
  expect_rules("2001:DB8::/32", {"deny address 2001:db8::/32"});
  expect_rules("2001:db8:0:0::1#why", {"deny address 2001:db8::1"});
}

TEST(ListParser, AFinalDotMakesNoNameOfAnAddress) {
  expect_rules("192.0.2.1.", {"deny address 192.0.2.1"});
  expect_rules("0.0.0.0 192.0.2.1.", {"deny address 192.0.2.1"});
  expect_rules("||192.0.2.1.^", {"deny address 192.0.2.1"});
  expect_rules("n1.example.org.", {"deny exact n1.example.org"});
  // Nor do digits and dots of another script, or octets that are nothing in a name.
  for (const char* text : {"\xef\xbc\x91\x39\x32.0.2.1", "192\xe3\x80\x82\x30.2.1", "192.0.2.1\xef\xbb\xbf"}) {
    expect_rules(text, {"deny address 192.0.2.1"});
    expect_rules(std::string("0.0.0.0 ") + text, {"deny address 192.0.2.1"});
  }
}

TEST(ListParser, Wildcards) {
  expect_rules("*.Example.org", {"deny wildcard example.org"});
  expect_rules("*.example.org further columns", {"deny wildcard example.org"});
  expect_skipped(SkipCause::kUrlPattern, "*.ads.*");
  expect_skipped(SkipCause::kUrlPattern, "ad*.example.org");
  expect_error("*.exa^mple", "behind '*.'");
}

TEST(ListParser, Regexes) {
  expect_rules("/^ads?[0-9]*\\./", {"deny regex ^ads?[0-9]*\\."});
  expect_rules("/[^.[:space:]]+#x/  # why", {"deny regex [^.[:space:]]+#x"});
  expect_error("//", "empty regex");
  expect_error("^ads?[0-9]*\\.", "between slashes");
  expect_error("(.*)\\.ads\\.", "between slashes");
  expect_error("/a b/", "blanks");
  expect_error("/(unclosed/", "missing");
  expect_error("/(?=look)ahead/", "not a regex");
}

TEST(ListParser, AdblockRules) {
  expect_rules("||Example.org^", {"deny wildcard example.org"});
  expect_rules("||example.org^|", {"deny wildcard example.org"});
  expect_rules("||example.org", {"deny wildcard example.org"});
  expect_rules("||*.example.org^", {"deny wildcard example.org"});
  expect_rules("||com^", {"deny wildcard com"});
  expect_rules("|example.org^", {"deny exact example.org"});
  expect_rules("example.org^", {"deny exact example.org"});
  expect_rules("||192.0.2.1^", {"deny address 192.0.2.1"});
  expect_rules("@@||good.example.org^", {"allow wildcard good.example.org"});
  expect_rules("@@|good.example.org^|", {"allow exact good.example.org"});
  expect_rules("@@/^good/", {"allow regex ^good"});
  expect_rules("||example.org^$important", {"deny! wildcard example.org"});
  expect_rules("@@||example.org^$important", {"allow! wildcard example.org"});
  expect_rules("/^ads/$important", {"deny! regex ^ads"});
}

TEST(ListParser, AdblockRulesBeyondNamesAreNeverBlocks) {
  for (const char* text : {"example.org##.ad", "example.org#@#.ad", "example.org#?#div:has(x)", "##.banner", "a.org,b.org##.ad",
                           "example.org#$#body { x }", "example.org#@$?#x", "##div[id] > a"}) {
    expect_skipped(SkipCause::kCosmetic, text);
  }
  for (const char* text : {"||example.org^$third-party", "||example.org^$important,script", "@@||example.org^$document",
                           "||example.org^$dnstype=A,client=x", "/ads/$script", "||example.org^$badfilter"}) {
    expect_skipped(SkipCause::kModifier, text);
  }
  expect_skipped(SkipCause::kDnsType, "||example.org^$dnstype=NEWTYPE");
  for (const char* text : {"||example.org/path", "||example.org^*/ads", "|https://example.org^", "/banner/ads", "||ads.", "||ads",
                           "-ad-banner^", "://ads.", "||ad*.example.org^", "&adserver=*", ".example.org^"}) {
    expect_skipped(SkipCause::kUrlPattern, text);
  }
  expect_error("||^", "without a name");
  expect_error("||exa mple.org^", "blanks");
}

TEST(ListParser, Dnsmasq) {
  expect_rules("address=/example.org/0.0.0.0", {"deny wildcard example.org"});
  expect_rules("address=/example.org/", {"deny wildcard example.org"});
  expect_rules("address=/a.example/b.example/::", {"deny wildcard a.example", "deny wildcard b.example"});
  expect_rules("address=/.example.org/#", {"deny wildcard example.org"});
  expect_rules("server=/example.org/", {"deny wildcard example.org"});
  expect_rules("local=/example.org/ # why", {"deny wildcard example.org"});
  expect_rules("server=/good.example.org/#", {"allow wildcard good.example.org"});
  expect_skipped(SkipCause::kRewrite, "address=/example.org/192.0.2.1");
  expect_skipped(SkipCause::kUrlPattern, "address=/#/0.0.0.0");
  for (const char* text : {"server=/example.org/192.0.2.1#5353", "server=192.0.2.1", "cache-size=1000"}) {
    expect_skipped(SkipCause::kConfiguration, text);
  }
  expect_error("address=/example.org", "between slashes");
  expect_error("address=/exa mple/", "not a name");
  expect_error("address=/example.org/nonsense", "not an address");
}

TEST(ListParser, Unbound) {
  expect_rules("  local-zone: \"example.org\" always_nxdomain", {"deny wildcard example.org"});
  expect_rules("local-zone: example.org. static", {"deny wildcard example.org"});
  expect_rules("local-zone: \"good.example.org\" always_transparent", {"allow wildcard good.example.org"});
  expect_rules("local-data: \"example.org A 0.0.0.0\"", {"deny exact example.org"});
  expect_rules("local-data: 'example.org. 60 IN AAAA ::'", {"deny exact example.org"});
  expect_skipped(SkipCause::kRewrite, "local-data: \"example.org A 192.0.2.1\"");
  expect_skipped(SkipCause::kRewrite, "local-data: \"example.org TXT text\"");
  for (const char* text : {"server:", "local-zone: \"example.org\" transparent", "do-ip6: yes"}) {
    expect_skipped(SkipCause::kConfiguration, text);
  }
  expect_error("local-zone: \"example.org\" nonsense", "not a type");
}

TEST(ListParser, ARedirectZoneOfUnboundIsWhatItsDataSay) {
  const auto expect = [](const std::string& text, std::vector<std::string> rules, std::uint64_t rewrites) {
    const Parsed parsed = parse(text);
    EXPECT_EQ(parsed.rules, rules) << text;
    EXPECT_EQ(parsed.skipped(SkipCause::kRewrite), rewrites) << text;
    EXPECT_EQ(parsed.statistics.skipped_count(), rewrites) << text;
    EXPECT_EQ(parsed.statistics.error_count, 0u) << text;
  };
  const std::string zone = "local-zone: \"Ads.example.\" redirect\n";
  const std::string nowhere = "local-data: \"ads.example A 0.0.0.0\"\n";
  const std::vector<std::string> both{"deny exact ads.example", "deny wildcard ads.example"};
  expect(zone + nowhere, both, 0);
  expect(nowhere + zone, both, 0);
  expect(zone + "local-zone: b.example inform_redirect\n" + nowhere + "local-data: 'b.example. 60 IN AAAA ::1'\n",
         {both[0], both[1], "deny exact b.example", "deny wildcard b.example"}, 0);
  expect(zone + nowhere + "local-data: \"ads.example AAAA ::\"\n",
         {both[0], both[1], both[0]}, 0);
  // Safe search.
  expect("local-zone: \"www.bing.com\" redirect\nlocal-data: \"www.bing.com CNAME strict.bing.com\"\n", {}, 2);
  expect("local-zone: \"www.google.com\" redirect\nlocal-data: \"www.google.com A 216.239.38.120\"\n", {}, 2);
  expect(zone + "local-data: \"other.example A 0.0.0.0\"\n", {"deny exact other.example"}, 1);
  expect(zone, {}, 1);
  expect_error("local-zone: \"a b\" redirect", "not a name");
}

TEST(ListParser, ResponsePolicyZone) {
  const Parsed parsed = parse(
      "$TTL 30\n"
      "$ORIGIN rpz.example.\n"
      "@ SOA localhost. root.localhost. (\n"
      "   2024010101 ; serial\n"
      "   3600 600 86400 60 )\n"
      "  NS localhost.\n"
      "bad.example.org CNAME .\n"
      "*.bad.example.org 60 IN CNAME .\n"
      "nodata.example.org cname *.\n"
      "drop.example.org CNAME rpz-drop.\n"
      "good.example.org CNAME rpz-passthru.\n"
      "absolute.example.org.rpz.example. CNAME .\n"
      "null.example.org A 0.0.0.0\n"
      "garden.example.org CNAME garden.example.net.\n"
      "real.example.org A 192.0.2.1\n"
      "24.0.2.0.192.rpz-ip CNAME .\n"
      "tcp.example.org CNAME rpz-tcp-only.\n");
  EXPECT_THAT(parsed.rules, ElementsAre("deny exact bad.example.org", "deny wildcard bad.example.org", "deny exact nodata.example.org",
                                        "deny exact drop.example.org", "allow exact good.example.org",
                                        "deny exact absolute.example.org", "deny exact null.example.org"));
  EXPECT_EQ(parsed.skipped(SkipCause::kConfiguration), 6u);
  EXPECT_EQ(parsed.skipped(SkipCause::kRewrite), 2u);
  EXPECT_EQ(parsed.skipped(SkipCause::kRpzTrigger), 2u);
  EXPECT_EQ(parsed.statistics.error_count, 0u);
}

TEST(ListParser, ZoneTransferTextFindsItsOriginInTheSoaRecord) {
  const Parsed parsed = parse(
      "rpz.example.\t300\tIN\tSOA\tns.example. root.example. 1 2 3 4 5\n"
      "rpz.example.\t300\tIN\tNS\tns.example.\n"
      "bad.example.org.rpz.example.\t300\tIN\tCNAME\t.\n");
  EXPECT_THAT(parsed.rules, ElementsAre("deny exact bad.example.org"));
}

TEST(ListParser, ErrorBudgetIsExact) {
  const std::string text = "ok.example.org\n<1>\nok2.example.org\n<2>\nok3.example.org\n";
  for (const std::int64_t max_errors : {0, 1, 2, -1}) {
    support::RuleCollector sink;
    ListParser parser({.max_errors = max_errors}, sink);
    const bool fed = parser.feed(text);
    EXPECT_EQ(fed, max_errors == 2 || max_errors == -1) << max_errors;
    EXPECT_EQ(parser.finish(), fed);
    EXPECT_EQ(parser.is_over_budget(), !fed);
    EXPECT_EQ(sink.rules.size(), max_errors == 0 ? 1u : max_errors == 1 ? 2u : 3u);
    EXPECT_FALSE(!fed && parser.feed("more.example.org\n"));
  }
}

TEST(ListParser, ErrorsCarryLineNumberAndPrintableText) {
  const Parsed parsed = parse("a.example\n\n<\x1b[31m" + std::string(200, 'x') + ">\n<b>\n<c>\n", {.max_errors = -1, .kept_errors = 2});
  EXPECT_EQ(parsed.statistics.error_count, 3u);
  ASSERT_EQ(parsed.statistics.errors.size(), 2u);
  EXPECT_EQ(parsed.statistics.errors[0].line, 3u);
  EXPECT_THAT(parsed.statistics.errors[0].text, HasSubstr("<?[31mxxx"));
  EXPECT_LT(parsed.statistics.errors[0].text.size(), 160u);
  EXPECT_EQ(parsed.statistics.errors[1].line, 4u);
}

TEST(ListParser, OverLongLineIsOneErrorAndTheNextLineIsRead) {
  const std::string longest = "/" + std::string(ListParser::kLineBytesMax - 2, 'x') + "/";
  EXPECT_EQ(parse(longest + "\nexample.org\n").rules.size(), 1u);  // RE2 refuses a pattern of 64 KiB: an error, but no more than that
  const std::string too_long(3 * ListParser::kLineBytesMax, 'x');
  for (const std::size_t step : {std::size_t{1000}, std::size_t{1} << 20}) {
    support::RuleCollector sink;
    ListParser parser({.max_errors = 1}, sink);
    const std::string text = "a.example\n" + too_long + "\nb.example\n" + too_long.substr(0, 10);
    for (std::size_t i = 0; i < text.size(); i += step) parser.feed(std::string_view(text).substr(i, step));
    EXPECT_TRUE(parser.finish());
    EXPECT_THAT(sink.rules, ElementsAre("deny exact a.example", "deny exact b.example", "deny exact xxxxxxxxxx"));
    EXPECT_EQ(parser.statistics().error_count, 1u);
    EXPECT_EQ(parser.statistics().lines, 4u);
  }
}

TEST(ListParser, AnyChunkingGivesTheSameRules) {
  const std::string text = "\xEF\xBB\xBF# c\r\n0.0.0.0 a.example b.example\r\n||c.example^\n*.d.example\n/re/\n\n@@||e.example^\nf.example";
  const Parsed whole = parse(text);
  EXPECT_EQ(whole.rules.size(), 7u);
  EXPECT_EQ(whole.statistics.error_count, 0u);
  for (std::size_t step = 1; step < text.size(); ++step) {
    support::RuleCollector sink;
    ListParser parser({}, sink);
    for (std::size_t i = 0; i < text.size(); i += step) EXPECT_TRUE(parser.feed(std::string_view(text).substr(i, step)));
    EXPECT_TRUE(parser.finish());
    EXPECT_EQ(sink.rules, whole.rules) << step;
    EXPECT_EQ(parser.statistics().lines, whole.statistics.lines);
  }
}

TEST(ListParser, CountsByKind) {
  const Parsed parsed = parse("a.example\nb.example\n*.c.example\n/re/\n192.0.2.1\n@@||d.example^\nx##y\n");
  EXPECT_THAT(parsed.statistics.rules, ElementsAre(2u, 2u, 1u, 1u));
  EXPECT_EQ(parsed.statistics.exceptions, 1u);
  EXPECT_EQ(parsed.statistics.rule_count(), 6u);
  EXPECT_EQ(parsed.statistics.skipped_count(), 1u);
}

TEST(ListParser, EverySkipCauseHasASentence) {
  for (std::size_t i = 0; i < kSkipCauseCount; ++i) EXPECT_GT(describe(static_cast<SkipCause>(i)).size(), 10u);
}

}  // namespace
}  // namespace rampart::blocklists
