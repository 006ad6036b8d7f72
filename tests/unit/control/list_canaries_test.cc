#include "control/list_canaries.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "blocklists/admission_gate.h"
#include "blocklists/list_source.h"
#include "tests/support/real_lists.h"

namespace rampart::control {
namespace {

using testing::Contains;
using testing::Not;

Config config() {
  Config config;
  config.upstreams.groups["default"] = {resolver::parse_upstream("https://DNS.example.org/dns-query").value(),
                                        resolver::parse_upstream("192.0.2.1").value()};
  config.blocking.denylists["ads"] = {{blocklists::SourceKind::kHttp, "https://user@lists.example.net:8443/a.txt"},
                                      {blocklists::SourceKind::kHttp, "http://[2001:db8::1]/b.txt"},
                                      {blocklists::SourceKind::kHttp, "http://192.0.2.2:80/c.txt"},
                                      {blocklists::SourceKind::kFile, "/etc/lists/example.com"}};
  return config;
}

TEST(ListCanaries, AreUpstreamsListHostsAndPlatforms) {
  const auto names = list_canaries(config());
  EXPECT_THAT(names, Contains("dns.example.org"));
  EXPECT_THAT(names, Contains("lists.example.net"));
  EXPECT_THAT(names, Contains("pool.ntp.org"));
  EXPECT_THAT(names, Not(Contains(testing::HasSubstr("192.0.2"))));
  EXPECT_THAT(names, Not(Contains(testing::HasSubstr("2001"))));
  EXPECT_THAT(names, Not(Contains("")));
}

TEST(ListCanaries, CanBeAddedAndTakenAway) {
  Config changed = config();
  changed.blocking.admission.canaries = {"Bank.example.", "!pool.ntp.org", "!dns.example.org"};
  const auto names = list_canaries(changed);
  EXPECT_THAT(names, Contains("bank.example"));
  EXPECT_THAT(names, Not(Contains("pool.ntp.org")));
  EXPECT_THAT(names, Not(Contains("dns.example.org")));
}

// A gate that refuses the lists that people use is no use.
TEST(ListCanaries, PublicListsPass) {
  constexpr base::HashKey kKey{};
  blocklists::AdmissionOptions options;
  options.canaries = list_canaries(config());
  const blocklists::AdmissionGate gate(kKey, options);
  for (const char* file : {"stevenblack-hosts.txt", "hagezi-light-wildcard.txt", "oisd-small-abp.txt",
                           "oisd-small-wildcard.txt", "mmotti-regex-blocky.txt", "blocklistproject-malware-ip.txt"}) {
    const auto text = support::read_real_list(file);
    if (!text) GTEST_SKIP() << "no snapshots of public lists";
    const auto list = blocklists::load_local({blocklists::SourceKind::kInline, *text}, kKey, {});
    ASSERT_TRUE(list.ok()) << list.error();
    const auto refused = gate.judge(*list->rules, list->statistics, {true, list->rules->rule_count()});
    EXPECT_FALSE(refused) << file << ": " << (refused ? refused->why : "");
  }
}

}  // namespace
}  // namespace rampart::control
