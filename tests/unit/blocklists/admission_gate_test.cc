#include "blocklists/admission_gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "blocklists/list_source.h"

namespace rampart::blocklists {
namespace {

using testing::HasSubstr;

constexpr base::HashKey kKey{1, 2};

LoadedSource list(const std::string& text) {
  auto loaded = load_local({SourceKind::kInline, text}, kKey, ListParserOptions{});
  EXPECT_TRUE(loaded.ok());
  return loaded.ok() ? std::move(loaded).value() : LoadedSource{std::make_shared<CompiledSource>(), {}, 0, {}, false};
}

std::string names(std::size_t count) {
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += "n" + std::to_string(i) + ".example.org\n";
  return text;
}

AdmissionOptions with_canaries() {
  AdmissionOptions options;
  options.canaries = {"dns.example.net", "time.example.com"};
  return options;
}

std::optional<Refused> judge(const std::string& text, std::optional<std::uint64_t> before = {}, bool denies = true,
                             const AdmissionOptions& options = with_canaries()) {
  const LoadedSource version = list(text);
  return AdmissionGate(kKey, options).judge(*version.rules, version.statistics, {denies, before});
}

TEST(AdmissionGate, AdmitsAFirstVersionOfAnySize) {
  EXPECT_FALSE(judge(""));
  EXPECT_FALSE(judge(names(1)));
  EXPECT_FALSE(judge(names(100'000)));
}

TEST(AdmissionGate, BoundsShrinkingAndGrowthOfListsThatAreNotShort) {
  EXPECT_FALSE(judge(names(500), 1000));
  const auto shrunk = judge(names(499), 1000);
  ASSERT_TRUE(shrunk);
  EXPECT_EQ(shrunk->cause, Refusal::kShrunk);
  EXPECT_THAT(shrunk->why, HasSubstr("from 1000 to 499 entries, by 50 %; blocking.admission.maxShrink is 50 %"));
  EXPECT_FALSE(judge(names(1100), 100));
  const auto grown = judge(names(1101), 100);
  ASSERT_TRUE(grown);
  EXPECT_EQ(grown->cause, Refusal::kGrown);
  EXPECT_THAT(grown->why, HasSubstr("blocking.admission.maxGrowth is 1000 %"));
}

TEST(AdmissionGate, ShortListsMayChangeFreelyButNotVanish) {
  EXPECT_FALSE(judge(names(1), 99));
  EXPECT_FALSE(judge(names(50'000), 99));
  const auto empty = judge("", 1);
  ASSERT_TRUE(empty);
  EXPECT_EQ(empty->cause, Refusal::kShrunk);
}

TEST(AdmissionGate, BoundsAreConfigurable) {
  AdmissionOptions loose;
  loose.max_shrink_percent = 100;
  loose.max_growth_percent = 1'000'000;
  EXPECT_FALSE(judge("", 1'000'000, true, loose));
  EXPECT_FALSE(judge(names(1000), 100, true, loose));
  AdmissionOptions off = with_canaries();
  off.enable = false;
  EXPECT_FALSE(judge("dns.example.net\n", 1'000'000, true, off));
}

TEST(AdmissionGate, NothingButErrorsIsNoList) {
  const auto refused = judge(".\n*\nbad..name\n");
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->cause, Refusal::kErrors);
  EXPECT_THAT(refused->why, HasSubstr("no entry, but 2 lines in error; line 1: "));
}

TEST(AdmissionGate, RefusesEveryFormThatBlocksACanary) {
  for (const char* line : {"dns.example.net", "DNS.Example.NET.", "0.0.0.0 dns.example.net", "*.example.net", "*.net",
                           "||example.net^", "/./", "/^dns[.]/", "/.*/", "address=/net/", "*.time.example.com",
                           "||time.example.com^$important", "local-zone: \"net\" always_nxdomain"}) {
    const auto refused = judge(names(200) + line + "\n", 200);
    ASSERT_TRUE(refused) << line;
    EXPECT_EQ(refused->cause, Refusal::kCanary) << line;
    EXPECT_THAT(refused->why, HasSubstr("which must never be blocked")) << line;
  }
  for (const char* line : {"mydns.example.net", "dns.example.net.example.org", "*.dns2.example.net", "/^ads?[.]/",
                           "x.time.example.com", "@@||dns.example.net^", "192.0.2.1"})
    EXPECT_FALSE(judge(names(200) + line + "\n", 200)) << line;
}

TEST(AdmissionGate, ExceptionsOfTheSameListCountByTheirStrength) {
  EXPECT_FALSE(judge("*.example.net\n@@||dns.example.net^\n"));
  EXPECT_TRUE(judge("||example.net^$important\n@@||dns.example.net^\n"));
  EXPECT_FALSE(judge("||example.net^$important\n@@||dns.example.net^$important\n"));
}

TEST(AdmissionGate, ARuleForSomeTypesCountsIfItHidesAddresses) {
  EXPECT_TRUE(judge("||dns.example.net^$dnstype=AAAA\n"));
  EXPECT_TRUE(judge("||example.net^$dnstype=~TXT\n"));
  EXPECT_TRUE(judge("/^dns/$dnstype=A\n"));
  EXPECT_FALSE(judge("||dns.example.net^$dnstype=HTTPS\n/^dns/$dnstype=TXT\n"));
  EXPECT_FALSE(judge("||dns.example.net^\n@@||dns.example.net^$dnstype=A|AAAA\n"));
  EXPECT_TRUE(judge("||dns.example.net^\n@@||dns.example.net^$dnstype=A\n"));
}

TEST(AdmissionGate, AnAllowlistMayHoldCanaries) { EXPECT_FALSE(judge("dns.example.net\n/.*/\n0.0.0.0/0\n", {}, false)); }

TEST(AdmissionGate, RefusesRangesThatAreMostOfTheInternet) {
  for (const char* range : {"0.0.0.0/0", "128.0.0.0/1", "64.0.0.0/2", "::/0", "2000::/3"}) {
    const auto refused = judge(std::string(range) + "\n");
    ASSERT_TRUE(refused) << range;
    EXPECT_EQ(refused->cause, Refusal::kCanary);
    EXPECT_THAT(refused->why, HasSubstr("most of the Internet"));
  }
  for (const char* range : {"224.0.0.0/3", "240.0.0.0/4", "8000::/1", "4000::/2", "2001:db8::/32"})
    EXPECT_FALSE(judge(std::string(range) + "\n")) << range;
}

}  // namespace
}  // namespace rampart::blocklists
