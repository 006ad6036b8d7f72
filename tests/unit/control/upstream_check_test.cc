#include "control/upstream_check.h"

#include <gtest/gtest.h>

#include "control/config_loader.h"

namespace rampart::control {
namespace {

using Texts = std::vector<std::string>;

Texts warnings_of(const std::string& text) {
  const auto result = load_text(text, "c.yml");
  if (!result.ok()) return {"fault: " + result.error()[0].to_text()};
  Texts texts;
  for (const auto& warning : result->warnings) texts.push_back(warning.to_text());
  return texts;
}

constexpr const char* kCure =
    " upstreams are not supported yet; write tcp+udp: or tcp-tls: before a server that speaks classic DNS or DoT";
constexpr const char* kNobody =
    "no upstream of this group can be asked, so its clients get SERVFAIL for every name that is not answered here; "
    "add one that is asked over classic DNS or DoT";

TEST(UpstreamCheck, UpstreamsThatAreNeverAskedAreNamedWithTheirLines) {
  EXPECT_EQ(warnings_of("upstreams:\n  groups:\n    default:\n      - 192.0.2.1\n      - https://dns.example/q\n"
                        "conditional: {mapping: {lan: 'quic:192.0.2.3'}}\n"),
            (Texts{"c.yml:5:9: upstreams.groups.default[1]: 'https://dns.example/q' is never asked: DoH" +
                       std::string(kCure),
                   "c.yml:6:25: conditional.mapping.lan: 'quic:192.0.2.3' is never asked: DoQ" +
                       std::string(kCure)}));
}

TEST(UpstreamCheck, AGroupThatNobodyCanAskForIsSaidSoClearly) {
  EXPECT_EQ(warnings_of("upstreams:\n  groups:\n    default: ['https://192.0.2.1/q']\n    tv: [192.0.2.2]\n"),
            (Texts{std::string("c.yml:3:5: upstreams.groups.default: ") + kNobody,
                   "c.yml:3:15: upstreams.groups.default[0]: 'https://192.0.2.1/q' is never asked: DoH" +
                       std::string(kCure)}));
}

TEST(UpstreamCheck, ClientsThatAreMistypedAreWarnings) {
  const std::string cure = " is no IP address or range, so it is compared with names of clients only; write "
                           "192.0.2.7, 192.0.2.0/24 or 2001:db8::/32, and several of these as keys of their own";
  EXPECT_EQ(warnings_of("upstreams:\n  groups:\n    default: [192.0.2.1]\n    192.168.1.300: [192.0.2.2]\n"
                        "    '[a': [192.0.2.3]\n"
                        "blocking:\n  denylists: {ads: [/x]}\n  clientGroupsBlock:\n    192.168.1.0/240: [ads]\n"),
            (Texts{"c.yml:4:5: upstreams.groups.192.168.1.300: '192.168.1.300'" + cure,
                   "c.yml:5:5: upstreams.groups.[a: the pattern '[a' is malformed and matches no client; close its "
                   "brackets",
                   "c.yml:9:5: blocking.clientGroupsBlock.192.168.1.0/240: '192.168.1.0/240'" + cure}));
}

TEST(UpstreamCheck, WhatCanBeAskedIsNoWarning) {
  EXPECT_EQ(warnings_of("upstreams: {groups: {default: [192.0.2.1, 'tcp-tls:192.0.2.2']}}"), Texts{});
}

}  // namespace
}  // namespace rampart::control
