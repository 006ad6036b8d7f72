// What people get to read when a configuration is wrong: the exact words, with place and cure.
#include <gtest/gtest.h>

#include "control/config_loader.h"

namespace rampart::control {
namespace {

using Texts = std::vector<std::string>;

/// Faults of `text`, which follows a first line with the upstreams that every configuration needs.
Texts faults_of(const std::string& text) {
  const auto result = load_text("upstreams: {groups: {default: [192.0.2.1]}}\n" + text, "c.yml");
  Texts out;
  if (!result.ok()) {
    for (const auto& fault : result.error()) out.push_back(fault.to_text());
  }
  return out;
}

struct Case {
  const char* yaml;
  const char* fault;
};

class BadInput : public ::testing::TestWithParam<Case> {};

TEST_P(BadInput, IsOneFaultInTheseWords) {
  EXPECT_EQ(faults_of(GetParam().yaml), Texts{GetParam().fault}) << GetParam().yaml;
}

const Case kCases[] = {
    // Keys
    {"blockin: {}", "c.yml:2:1: blockin: is an unknown key; did you mean blocking?"},
    {"Blocking: {}", "c.yml:2:1: Blocking: is an unknown key; did you mean blocking?"},
    {"blocking: {denyLists: {}}", "c.yml:2:12: blocking.denyLists: is an unknown key; did you mean blocking.denylists?"},
    {"freeBind: true", "c.yml:2:1: freeBind: is an unknown key; did you mean ports.freeBind? Then move it there"},
    {"zzzzzzzz: 1", "c.yml:2:1: zzzzzzzz: is an unknown key; remove it, or see docs/configuration.md for all keys"},
    {"ports.dns: 53", "c.yml:2:1: ports.dns: is an unknown key; write its parts as keys below each other, indented"},
    {"log: {level: info, level: warn}", "c.yml:2:20: level: is already set in line 2; remove one of the two"},
    {"ports: 53", "c.yml:2:8: ports: must hold keys and values, not the value '53'"},
    {"ports: [53]", "c.yml:2:8: ports: must hold keys and values, not a list"},
    // Scalars
    {"ede: {enable: maybe}", "c.yml:2:15: ede.enable: 'maybe' is neither true nor false"},
    {"ede: {enable: [true]}", "c.yml:2:15: ede.enable: must be bool, not a list"},
    {"workers: many", "c.yml:2:10: workers: 'many' is no integer; write digits only, for example 5"},
    {"workers: -1", "c.yml:2:10: workers: '-1' is below 0; allowed is 0 to 1024"},
    {"workers: 1e3", "c.yml:2:10: workers: '1e3' is no integer; write digits only, for example 5"},
    {"workers: 99999999999999999999", "c.yml:2:10: workers: '99999999999999999999' is too large a number"},
    {"ecs: {ipv4Mask: 33}", "c.yml:2:17: ecs.ipv4Mask: '33' is above 32; allowed is 0 to 32"},
    {"blocking: {blockTTL: 1 hour}",
     "c.yml:2:22: blocking.blockTTL: invalid duration '1 hour'; write numbers with units (ns, us, ms, s, m, h), for "
     "example 500ms, 2s or 1h30m"},
    {"blocking: {blockTTL: 2d}",
     "c.yml:2:22: blocking.blockTTL: invalid duration '2d'; write numbers with units (ns, us, ms, s, m, h), for example "
     "500ms, 2s or 1h30m"},
    {"tcp: {idleTimeout: 0s}", "c.yml:2:20: tcp.idleTimeout: '0s' is below 1ms"},
    {"blocking: {blockTTL: 99999999999999}", "c.yml:2:22: blocking.blockTTL: '99999999999999' minutes are too many"},
    {"cache: {memory: lots}",
     "c.yml:2:17: cache.memory: 'lots' is no size; write a number and KiB, MiB or GiB, for example 64MiB"},
    {"cache: {memory: 1KiB}", "c.yml:2:17: cache.memory: '1KiB' is below 128KiB"},
    {"log: {level: verbos}",
     "c.yml:2:14: log.level: 'verbos' is unknown; allowed are panic, fatal, error, warn, warning, info, debug and trace"},
    {"queryLog: {type: postgres}",
     "c.yml:2:18: queryLog.type: 'postgres' is unknown; allowed are console, none, mysql, postgresql, csv, csv-client, "
     "timescale, sqlite and dnstap; did you mean postgresql?"},
    {"queryLog: {type: CSV, target: /x}",
     "c.yml:2:18: queryLog.type: 'CSV' is unknown; allowed are console, none, mysql, postgresql, csv, csv-client, "
     "timescale, sqlite and dnstap; did you mean csv?"},
    {"minTlsServeVersion: 1.4", "c.yml:2:21: minTlsServeVersion: '1.4' is unknown; allowed are 1.0, 1.1, 1.2 and 1.3; did you mean 1.0?"},
    // Lists and maps
    {"blocking: {denylists: {ads: /etc/list}, clientGroupsBlock: {default: [ads]}}",
     "c.yml:2:29: blocking.denylists.ads: must be a list (of source), not the value '/etc/list'; write [a, b], or each "
     "entry on a line of its own behind '- '"},
    {"filtering: {queryTypes: [NULL]}",
     "c.yml:2:26: filtering.queryTypes[0]: is empty; quote it if the word itself is meant"},
    {"filtering: {queryTypes: [aaaa]}", "c.yml:2:26: filtering.queryTypes[0]: 'aaaa' must be in capitals: AAAA"},
    {"filtering: {queryTypes: [TYPE65]}",
     "c.yml:2:26: filtering.queryTypes[0]: 'TYPE65' is no query type; write a mnemonic such as A, AAAA, HTTPS or MX"},
    {"caching: {exclude: [example.org]}",
     "c.yml:2:21: caching.exclude[0]: 'example.org' is no pattern; write it between slashes: /^example\\.org$/"},
    {"caching: {exclude: ['/a(b/']}", "c.yml:2:21: caching.exclude[0]: 'a(b' is no regular expression: missing ): a(b"},
    {"queryLog: {fields: [question, answer]}",
     "c.yml:2:31: queryLog.fields[1]: 'answer' is unknown; allowed are clientIP, clientName, responseReason, "
     "responseAnswer, question and duration"},
    {"trustedProxies: [10.0.0.0/33]",
     "c.yml:2:18: trustedProxies[0]: '10.0.0.0/33' is neither an IP address nor a range such as 192.0.2.0/24"},
    {"customDNS: {mapping: {a.example: [192.0.2.1]}}",
     "c.yml:2:34: customDNS.mapping.a.example: must be text with IP address, several separated by commas, not a list"},
    {"customDNS: {mapping: {a.example: '192.0.2.1, x'}}", "c.yml:2:34: customDNS.mapping.a.example: 'x' is no IP address"},
    {"clientLookup: {clients: {pc: [pc.example]}}", "c.yml:2:31: clientLookup.clients.pc[0]: 'pc.example' is no IP address"},
    // Addresses and upstreams
    {"ports: {dns: 70000}",
     "c.yml:2:14: ports.dns: '70000' has no port from 0 to 65535; write 53, :53, 192.0.2.1:53 or [2001:db8::1]:53"},
    {"ports: {dns: '::1:53'}",
     "c.yml:2:14: ports.dns: '::1:53' holds an IPv6 address without brackets; write 53, :53, 192.0.2.1:53 or "
     "[2001:db8::1]:53"},
    {"conditional: {mapping: {lan: 'udp:192.0.2.1'}}",
     "c.yml:2:30: conditional.mapping.lan: 'udp:192.0.2.1' has the unknown protocol 'udp:'; write tcp+udp: (known are "
     "tcp+udp:, tcp-tls:, https: and quic:)"},
    {"clientLookup: {upstream: 'sdns://AQ'}",
     "c.yml:2:26: clientLookup.upstream: the DNS stamp is for DNSCrypt, which is not supported; use a plain, DoT, DoH "
     "or DoQ stamp"},
    {"bootstrapDns: dns.example.org",
     "c.yml:2:15: bootstrapDns: the host name 'dns.example.org' cannot be looked up without a bootstrap server; write "
     "its IP address"},
    {"bootstrapDns: 'https://dns.example.org/q'",
     "c.yml:2:15: bootstrapDns: the host name 'dns.example.org' cannot be looked up without a bootstrap server; write "
     "its IP address, or {upstream: …, ips: [ADDRESS]}"},
    {"bootstrapDns: {resolvFile: /etc/resolv.conf, upstream: 192.0.2.1}",
     "c.yml:2:15: bootstrapDns: resolvFile cannot stand together with upstream or ips; make it an entry of its own"},
    {"bootstrapDns: [{resolvFile: /does/not/exist}]",
     "c.yml:2:29: bootstrapDns[0].resolvFile: the file '/does/not/exist' cannot be read: No such file or directory"},
    {"bootstrapDns: {upstreams: 192.0.2.1, upstream: 192.0.2.1}",
     "c.yml:2:16: bootstrapDns.upstreams: 'upstreams' is unknown; allowed are upstream, ips and resolvFile; did you mean "
     "upstream?"},
    {"blocking: {blockType: zero}",
     "c.yml:2:23: blocking.blockType: 'zero' is an unknown blockType; write zeroIP, nxDomain, or IP addresses separated "
     "by commas"},
    {"blocking: {schedules: {s: {from: '08:00', weekdays: [mon]}}}",
     "c.yml:2:28: blocking.schedules.s.from: 'from' is unknown; allowed are start, end and weekdays"},
    // Keys together
    {"ports: {dohPath: dns-query}",
     "c.yml:2:9: ports.dohPath: 'dns-query' must begin with '/' and hold no space, '?' or '#'; write /dns-query"},
    {"ports: {proxyProtocol: [tls]}", "c.yml:2:9: ports.proxyProtocol: tls has no listener; set ports.tls or remove it"},
    {"ports: {proxyProtocol: [dns, dns]}", "c.yml:2:9: ports.proxyProtocol: dns is listed twice; remove one"},
    {"certFile: /x", "c.yml:2:1: certFile: is set without keyFile; set both, or neither for a self-signed certificate"},
    {"dns64: {enable: true}\nfiltering: {queryTypes: [AAAA]}",
     "c.yml:2:9: dns64.enable: cannot work while AAAA is in filtering.queryTypes; remove one of the two"},
    {"dns64: {prefixes: ['2001:db8::/33']}",
     "c.yml:2:9: dns64.prefixes: '2001:db8::/33' must be an IPv6 prefix of 32, 40, 48, 56, 64 or 96 bits"},
    {"dns64: {prefixes: ['2001:db8::/32', '2001:db8::/64']}",
     "c.yml:2:9: dns64.prefixes: '2001:db8::/32' and '2001:db8::/64' overlap; remove one"},
    {"rateLimit: {enable: true}",
     "c.yml:2:13: rateLimit.rate: must be above 0 when rateLimit is enabled; write the queries per second of a "
     "client"},
    {"rateLimit: {enable: true, rate: 10, burst: 5}", "c.yml:2:37: rateLimit.burst: 5 must not be below the rate 10"},
    {"rebindingProtection: {allowedDomains: ['*.example.org']}",
     "c.yml:2:40: rebindingProtection.allowedDomains[0]: '*.example.org' is no plain domain name; write "
     "example.org, which holds for all names below it too"},
    {"queryLog: {type: csv}",
     "c.yml:2:12: queryLog.type: needs queryLog.target: a directory for csv, a connection string for databases, a file "
     "for sqlite"},
    {"blocking: {admission: {canaries: [example.org, 'https://example.org/']}}",
     "c.yml:2:48: blocking.admission.canaries[1]: 'https://example.org/' is no domain name; write it like example.org, "
     "without URL or wildcard (xn--… for other scripts), or !example.org to take a built-in one away"},
    {"blocking: {admission: {canaries: ['!a..b']}}",
     "c.yml:2:35: blocking.admission.canaries[0]: '!a..b' is no domain name; write it like example.org, without URL or "
     "wildcard (xn--… for other scripts), or !example.org to take a built-in one away"},
    {"blocking: {admission: {canaries: [192.0.2.1]}}",
     "c.yml:2:35: blocking.admission.canaries[0]: '192.0.2.1' is an IP address; write the domain name that must stay "
     "reachable"},
    {"redis: {address: redis}", "c.yml:2:9: redis.address: 'redis' is no address; write host:port"},
    {"redis: {sentinelAddresses: ['s:26379']}",
     "c.yml:2:9: redis.sentinelAddresses: needs redis.address: the name by which the sentinels know the master"},
    {"prometheus: {path: metrics}", "c.yml:2:14: prometheus.path: 'metrics' must begin with '/'; write /metrics"},
};

INSTANTIATE_TEST_SUITE_P(All, BadInput, ::testing::ValuesIn(kCases));

TEST(ConfigFaults, AllAreReportedAtOnceInTheOrderOfTheFile) {
  EXPECT_EQ(faults_of("prometheus: {path: metrics}\nlog:\n  levle: info\nede: {enable: 7}\nports: {dns: x}\n"),
            (Texts{"c.yml:2:14: prometheus.path: 'metrics' must begin with '/'; write /metrics",
                   "c.yml:4:3: log.levle: is an unknown key; did you mean log.level?",
                   "c.yml:5:15: ede.enable: '7' is neither true nor false",
                   "c.yml:6:14: ports.dns: 'x' has no port from 0 to 65535; write 53, :53, 192.0.2.1:53 or "
                   "[2001:db8::1]:53"}));
}

TEST(ConfigFaults, KeysGivenTwiceHideNoOtherFault) {
  EXPECT_EQ(faults_of("log: {level: info, level: warn}\nrateLimit:\n  enable: true\n  rate: 10\n  burst: 5\n"),
            (Texts{"c.yml:2:20: level: is already set in line 2; remove one of the two",
                   "c.yml:6:3: rateLimit.burst: 5 must not be below the rate 10"}));
}

TEST(ConfigFaults, AllBadLinesOfAZoneAreNamed) {
  EXPECT_EQ(faults_of("customDNS:\n  zone: |\n    $ORIGIN example.org.\n    $TTL 60\n    a A 192.0.2.300\n"
                      "    b A 192.0.2.1\n    c WHAT 1\n"),
            (Texts{"c.yml:3:3: customDNS.zone: line 3 of the zone: A: '192.0.2.300' is no IPv4 address",
                   "c.yml:3:3: customDNS.zone: line 5 of the zone: 'WHAT' is no record type, TTL or class"}));
}

TEST(ConfigFaults, EntriesOfMapsAndListsAreNamedWithTheirOwnLines) {
  EXPECT_EQ(faults_of("rebindingProtection:\n  allowedDomains:\n    - example.org\n    - '*.example.net'\n"),
            Texts{"c.yml:5:7: rebindingProtection.allowedDomains[1]: '*.example.net' is no plain domain name; "
                  "write example.org, which holds for all names below it too"});
  const auto result = load_text("upstreams: {groups: {default: [192.0.2.1]}}\n"
                                "customDNS:\n  mapping:\n    ok.example: 192.0.2.1\n    a..b: 192.0.2.1\n"
                                "  rewrite:\n    lan: x..y\n"
                                "conditional:\n  mapping:\n    c..d: 192.0.2.1\n"
                                "blocking:\n  denylists:\n    ads: [/x]\n  clientGroupsBlock:\n    default:\n"
                                "      - ads\n      - adds\n", "c.yml");
  ASSERT_TRUE(result.ok()) << result.error()[0].to_text();
  Texts texts;
  for (const auto& warning : result->warnings) {
    const std::string text = warning.to_text();
    texts.push_back(text.substr(0, text.find(": '")));
  }
  EXPECT_EQ(texts, (Texts{"c.yml:5:5: customDNS.mapping.a..b", "c.yml:7:5: customDNS.rewrite.lan",
                          "c.yml:10:5: conditional.mapping.c..d",
                          "c.yml:17:9: blocking.clientGroupsBlock.default[1]: the list group 'adds' is not defined, "
                          "so it blocks nothing; did you mean ads?"}));
}

TEST(ConfigFaults, BrokenYamlIsOneFaultWithItsPlace) {
  const auto faults = faults_of("log: [\nports: 3\n");
  ASSERT_EQ(faults.size(), 1u);
  EXPECT_EQ(faults[0].find("c.yml:4:1: "), 0u) << faults[0];
  EXPECT_NE(faults[0].find("is no valid YAML"), std::string::npos);
}

TEST(ConfigFaults, TheirNumberIsBounded) {
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "unknown" + std::to_string(i) + ": 1\n";
  const auto faults = faults_of(text);
  ASSERT_EQ(faults.size(), Findings::kFaultsMax + 1);
  EXPECT_EQ(faults.back(), "900 more faults not shown");
}

TEST(ConfigFaults, ControlCharactersAndLengthAreTamed) {
  EXPECT_EQ(faults_of("ede: {enable: \"a\\x1b[31m\\nb\"}"),
            Texts{"c.yml:2:15: ede.enable: 'a\\x1b[31m\\nb' is neither true nor false"});
  const auto faults = faults_of("ede: {enable: " + std::string(1000, 'x') + "}");
  EXPECT_EQ(faults, Texts{"c.yml:2:15: ede.enable: '" + std::string(60, 'x') + "…' is neither true nor false"});
}

TEST(ConfigFaults, SecretsAreNeverShown) {
  for (const auto& fault : faults_of("redis: {password: [hunter2]}\napi: {tokens: {a: hunter2}}")) {
    EXPECT_EQ(fault.find("hunter2"), std::string::npos) << fault;
  }
}

TEST(ConfigFaults, SixtyFiveGroupsAreTooMany) {
  std::string text = "blocking:\n  clientGroupsBlock: {default: [g1]}\n  denylists:\n";
  for (int i = 0; i < 65; ++i) text += "    g" + std::to_string(i) + ": [/x]\n";
  EXPECT_EQ(faults_of(text), Texts{"c.yml:4:3: blocking.denylists: 65 list groups are configured; at most 64 are "
                                   "possible, so join some"});
}

TEST(ConfigWarnings, QueryLogsThatAreNotBuiltInGoToTheConsole) {
  for (const std::string type : {"mysql", "dnstap"}) {
    const auto result = load_text(
        "upstreams: {groups: {default: [192.0.2.1]}}\nqueryLog: {type: " + type + ", target: t}", "c.yml");
    ASSERT_TRUE(result.ok()) << result.error()[0].to_text();
    EXPECT_EQ(result->config.query_log.type, storage::QueryLogType::kConsole);
    ASSERT_EQ(result->warnings.size(), 1u);
    EXPECT_EQ(result->warnings[0].to_text(),
              "c.yml:2:12: queryLog.type: '" + type +
                  "' is not built into this version, so the query log goes to the console; write postgresql, "
                  "timescale, sqlite, csv, csv-client, console or none");
  }
}

TEST(ConfigWarnings, UndefinedGroupsAndSchedulesAreNamed) {
  const auto result = load_text(R"(upstreams: {groups: {default: [192.0.2.1], empty: []}}
blocking:
  denylists: {ads: [/x]}
  clientGroupsBlock: {default: [adds], 'tv[': [ads]}
  schedules: {late: {start: '22:00', end: '6:00', weekdays: [mon, Mon, funday]}}
  listSchedules: {ads: [lat]}
)", "c.yml");
  ASSERT_TRUE(result.ok()) << result.error()[0].to_text();
  Texts texts;
  for (const auto& warning : result.value().warnings) texts.push_back(warning.to_text());
  EXPECT_EQ(texts,
            (Texts{"c.yml:1:44: upstreams.groups.empty: the group has no upstream and is left out",
                   "c.yml:4:33: blocking.clientGroupsBlock.default[0]: the list group 'adds' is not defined, so it "
                   "blocks nothing; did you mean ads?",
                   "c.yml:4:40: blocking.clientGroupsBlock.tv[: the pattern 'tv[' is malformed and matches no client; "
                   "close its brackets",
                   "c.yml:5:43: blocking.schedules.late.end: '6:00' is no time of day such as 07:30; lists with this "
                   "schedule are inactive",
                   "c.yml:5:61: blocking.schedules.late.weekdays: 'Mon' is listed twice",
                   "c.yml:5:61: blocking.schedules.late.weekdays: 'funday' is no weekday; write mon, tue, wed, thu, fri, "
                   "sat or sun; lists with this schedule are inactive",
                   "c.yml:6:25: blocking.listSchedules.ads[0]: the schedule 'lat' of 'ads' is not defined, so the "
                   "lists are inactive; define it under blocking.schedules"}));
  EXPECT_FALSE(result.value().config.blocking.schedules.at("late").is_valid);
}

}  // namespace
}  // namespace rampart::control
