#include "control/config_loader.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "control/config_forms.h"
#include "tests/support/temporary_folder.h"

namespace rampart::control {
namespace {

using namespace std::chrono_literals;

constexpr const char* kUpstreams = "upstreams: {groups: {default: [192.0.2.1]}}\n";

LoadedConfig loaded(const std::string& text) {
  auto result = load_text(text, "c.yml");
  if (result.ok()) return std::move(result).value();
  for (const auto& fault : result.error()) ADD_FAILURE() << fault.to_text();
  return {};
}

/// With an upstream, which every configuration needs.
Config config_of(const std::string& text) { return loaded(kUpstreams + text).config; }

std::vector<std::string> warnings_of(const std::string& text) {
  std::vector<std::string> out;
  for (const auto& warning : loaded(kUpstreams + text).warnings) out.push_back(warning.to_text());
  return out;
}

using Texts = std::vector<std::string>;

TEST(ConfigLoader, EmptyFileLacksOnlyTheDefaultUpstreams) {
  const auto result = load_text("", "c.yml");
  ASSERT_FALSE(result.ok());
  ASSERT_EQ(result.error().size(), 1u);
  EXPECT_EQ(result.error()[0].to_text(),
            "c.yml: upstreams.groups: no external DNS resolvers configured as default upstream resolvers. Please "
            "configure at least one under 'default' configuration name: upstreams: {groups: {default: [9.9.9.9]}}");
}

TEST(ConfigLoader, MinimalFileKeepsAllDefaultsAndWarnsOfNothing) {
  const auto result = loaded(kUpstreams);
  EXPECT_TRUE(result.warnings.empty());
  ASSERT_EQ(result.config.upstreams.groups.at("default").size(), 1u);
  EXPECT_EQ(result.config.ports.dns.size(), 1u);
  EXPECT_EQ(result.config.ports.dns[0].port, 53);
  EXPECT_EQ(result.config.blocking.block_ttl, 6h);
}

TEST(ConfigLoader, ReadsBlockysUsualKeys) {
  const auto config = config_of(R"(
connectIPVersion: v4
bootstrapDns: [tcp+udp:192.0.2.53, {upstream: https://dns.example.org/q, ips: [192.0.2.54]}]
filtering: {queryTypes: [AAAA, HTTPS]}
fqdnOnly: {enable: yes}
ede: {enable: on}
blocking:
  denylists:
    ads:
      - https://example.org/list
      - /etc/list
      - file:///etc/other
      - |
        one.example.org
  allowlists: {ads: [/etc/allow]}
  clientGroupsBlock: {default: [ads], "192.0.2.0/24,Laptop": [ads]}
  blockType: 192.0.2.80, 2001:db8::80
  blockTTL: 1m
  loading: {refreshPeriod: -1s, maxErrorsPerSource: -1, downloads: {attempts: 0, cachePath: /tmp/x}}
caching: {minTime: 5m, maxTime: -1s, exclude: ['/^a\.b$/'], prefetching: true}
queryLog: {type: postgresql, target: postgres://x, fields: [question, clientIP], ignore: {sudn: true, domains: ['*.x']}}
redis: {address: 'localhost:6379', database: 3}
ports: {dns: ['127.0.0.1:53', '[::1]:5353', 54], http: ':4000,192.0.2.1:4001', freeBind: true}
log: {level: WARN, format: json, privacy: true}
clientLookup: {upstream: 192.0.2.9, singleNameOrder: [2, 1], clients: {pc: [192.0.2.3]}}
minTlsServeVersion: 1.3
prometheus: {enable: true, path: /m}
)");
  EXPECT_EQ(config.connect_ip_version, resolver::IpFamilies::kV4);
  ASSERT_EQ(config.bootstrap_dns.size(), 2u);
  EXPECT_EQ(config.bootstrap_dns[1].protocol, resolver::UpstreamProtocol::kDoh);
  ASSERT_EQ(config.bootstrap_dns[1].ips.size(), 1u);
  EXPECT_EQ(config.filtered_query_types, (std::vector{dns::RrType::kAaaa, dns::RrType::kHttps}));
  EXPECT_TRUE(config.fqdn_only);
  EXPECT_TRUE(config.ede);
  const auto& ads = config.blocking.denylists.at("ads");
  using blocklists::SourceKind;
  ASSERT_EQ(ads.size(), 4u);
  EXPECT_EQ(ads[0].kind, SourceKind::kHttp);
  EXPECT_EQ(ads[1].kind, SourceKind::kFile);
  EXPECT_EQ(ads[2].text, "/etc/other");
  EXPECT_EQ(ads[3].kind, SourceKind::kInline);
  ASSERT_EQ(config.blocking.client_groups_block.size(), 2u);
  EXPECT_EQ(config.blocking.client_groups_block[1].clients[1].text, "laptop");
  EXPECT_EQ(config.blocking.client_groups_block[1].clients[0].kind, ClientIdentifier::Kind::kRange);
  EXPECT_EQ(BlockType::print(config.blocking.block_type), "'192.0.2.80,2001:db8::80'");
  EXPECT_EQ(config.blocking.block_ttl, 1min);
  EXPECT_EQ(config.blocking.loading.refresh_period, -1s);
  EXPECT_EQ(config.blocking.loading.max_errors_per_source, -1);
  EXPECT_EQ(config.blocking.loading.downloads.attempts, 0u);
  EXPECT_EQ(config.caching.max_time, -1s);
  EXPECT_EQ(config.caching.exclude, Texts{"^a\\.b$"});
  EXPECT_EQ(config.query_log.type, storage::QueryLogType::kPostgresql);
  EXPECT_TRUE(config.query_log.fields.question);
  EXPECT_FALSE(config.query_log.fields.duration);
  EXPECT_TRUE(config.query_log.ignore_sudn);
  EXPECT_EQ(config.redis.database, 3);
  ASSERT_EQ(config.ports.dns.size(), 3u);
  EXPECT_EQ(to_text(config.ports.dns[1]), "[::1]:5353");
  EXPECT_FALSE(config.ports.dns[2].address.has_value());
  ASSERT_EQ(config.ports.http.size(), 2u);
  EXPECT_EQ(to_text(config.ports.http[1]), "192.0.2.1:4001");
  EXPECT_EQ(config.log.level, base::log::Level::kWarn);
  EXPECT_TRUE(config.log.json);
  ASSERT_TRUE(config.client_lookup.upstream.has_value());
  EXPECT_EQ(config.client_lookup.single_name_order, (std::vector<std::uint32_t>{2, 1}));
  EXPECT_EQ(config.min_tls_serve_version, TlsVersion::k13);
  EXPECT_EQ(config.prometheus.path, "/m");
}

TEST(ConfigLoader, ReadsOurOwnKeys) {
  const auto config = config_of(R"(
workers: 3
cache: {memory: 128MiB}
serveStale: {enable: true, maxAge: 1h, answerTTL: 10s}
tcp: {maxConnections: 10, maxConnectionsPerClient: 2, idleTimeout: 1s, totalTimeout: 9s, maxPipelined: 4}
identity: {version: refuse, id: node1}
blocking: {denylists: {ads: ["x\n"]}, clientGroupsBlock: {default: [ads]}, groupBlockType: {ads: nxdomain}}
queryLog: {spool: {path: /var/spool/x, maxBytes: 1GiB}}
trustedProxies: [192.0.2.0/24]
api: {tokens: [secret], readOnlyTokens: [a, b], allowedNetworks: ['::/0']}
)");
  EXPECT_EQ(config.workers, 3u);
  EXPECT_EQ(config.cache_memory.bytes, 128u << 20);
  EXPECT_EQ(config.serve_stale.max_age, 1h);
  EXPECT_EQ(config.tcp.max_pipelined, 4u);
  EXPECT_EQ(config.identity.version, "");
  EXPECT_EQ(config.identity.id, "node1");
  EXPECT_EQ(config.blocking.group_block_type.at("ads").kind, resolver::BlockAnswer::Kind::kNxDomain);
  EXPECT_EQ(config.query_log.spool_path, "/var/spool/x");
  EXPECT_EQ(config.trusted_proxies.size(), 1u);
  EXPECT_EQ(config.api.tokens[0].value, "secret");
}

TEST(ConfigLoader, NullSectionAndNullValueKeepTheirDefaults) {
  const auto config = config_of("blocking:\nports:\ncaching: ~\nlog: {level: }\nqueryLog: {fields: null}\n");
  EXPECT_EQ(BlockType::print(config.blocking.block_type), "zeroIP");
  EXPECT_EQ(config.ports.doh_path, "/dns-query");
  EXPECT_EQ(config.caching.cache_time_negative, 30min);
  EXPECT_EQ(config.log.level, base::log::Level::kInfo);
  EXPECT_TRUE(config.query_log.fields.duration);
}

TEST(ConfigLoader, BareNumberIsMinutesAndWarned) {
  EXPECT_EQ(config_of("blocking: {blockTTL: 30}").blocking.block_ttl, 30min);
  EXPECT_EQ(config_of("blocking: {loading: {refreshPeriod: -1}}").blocking.loading.refresh_period, -1min);
  EXPECT_EQ(warnings_of("blocking: {blockTTL: 30}"),
            Texts{"c.yml:2:22: blocking.blockTTL: the duration '30' has no unit and means minutes; write 30m"});
  EXPECT_TRUE(warnings_of("caching: {minTime: 0}").empty());
}

TEST(ConfigLoader, KeyWithoutEffectIsWarnedOfOnceAndOnlyWhenItAsksForSomething) {
  EXPECT_EQ(warnings_of("dns64: {enable: true}"),
            Texts{"c.yml:2:9: dns64.enable: is accepted, but has no effect yet"});
  EXPECT_TRUE(warnings_of("dns64: {enable: false}").empty());
}

TEST(ConfigLoader, TimeoutBelowSenseIsResetWithAWarning) {
  const auto result = loaded("upstreams: {timeout: 0s, groups: {default: [192.0.2.1]}}");
  EXPECT_EQ(result.config.upstreams.timeout, 2s);
  ASSERT_EQ(result.warnings.size(), 1u);
  EXPECT_EQ(result.warnings[0].to_text(), "c.yml:1:22: upstreams.timeout: '0s' is below 1ms; the default is used");
}

TEST(ConfigLoader, SecretComesFromAFileWithoutItsLastLineEnd) {
  const test::TemporaryFolder folder;
  const auto path = folder.write("password", "two \n\r\n");
  EXPECT_EQ(config_of("redis: {password: 'file:" + path + "'}").redis.password.value, "two \n");
  EXPECT_EQ(config_of("redis: {password: 'file://" + path + "'}").redis.password.value, "two \n");
  EXPECT_EQ(config_of("redis: {password: plain}").redis.password.value, "plain");
  const auto result = load_text(std::string(kUpstreams) + "redis: {password: file:/does/not/exist}", "c.yml");
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error()[0].to_text(),
            "c.yml:2:19: redis.password: the secret's file '/does/not/exist' cannot be read: No such file or directory");
}

TEST(ConfigLoader, ResolvFileGivesItsNameservers) {
  const test::TemporaryFolder folder;
  const auto path = folder.write("resolv.conf", "# c\nsearch example.org\nnameserver 192.0.2.1\nnameserver\t2001:db8::1 \n");
  const auto config = config_of("bootstrapDns: {resolvFile: " + path + "}");
  ASSERT_EQ(config.bootstrap_dns.size(), 2u);
  EXPECT_EQ(config.bootstrap_dns[1].host, "2001:db8::1");
}

TEST(ConfigLoader, AnchorsAliasesAndMergeKeysWork) {
  const auto config = config_of(R"(
blocking:
  denylists:
    ads: &lists [/a, /b]
    kids: *lists
  clientGroupsBlock: {default: [ads, kids]}
  loading: &loading {concurrency: 7, maxErrorsPerSource: 9}
hostsFile:
  loading:
    <<: *loading
    concurrency: 8
)");
  EXPECT_EQ(config.blocking.denylists.at("kids").size(), 2u);
  EXPECT_EQ(config.hosts_file.loading.concurrency, 8u);
  EXPECT_EQ(config.hosts_file.loading.max_errors_per_source, 9);
}

TEST(ConfigLoader, OnlyTheFirstDocumentOfAFileCounts) {
  const auto result = loaded(std::string(kUpstreams) + "---\nlog: {level: nonsense}\n");
  ASSERT_EQ(result.warnings.size(), 1u);
  EXPECT_NE(result.warnings[0].message.find("only the first document"), std::string::npos);
}

TEST(ConfigLoader, FolderMergesFilesInPathOrder) {
  const test::TemporaryFolder folder;
  folder.write("20.yaml", "blocking: {blockTTL: 2m, denylists: {b: [/b]}}\n---\nlog: {level: debug}\n");
  folder.write("10.yml", std::string(kUpstreams) +
                             "blocking: {blockTTL: 1m, denylists: {a: [/a]}, clientGroupsBlock: {default: [a]}}\n"
                             "ports: {dns: [53, 54]}\nlog: {format: json}\n");
  folder.write("sub/30.yml", "# nothing\n");
  folder.write("sub/40.yml", "ports: {dns: 55}\nlog: {format: ~}\n");
  folder.write("ignored.txt", "not: [yaml");
  const auto result = load(folder.path());
  ASSERT_TRUE(result.ok()) << result.error()[0].to_text();
  const auto& config = result.value().config;
  EXPECT_EQ(config.blocking.block_ttl, 2min);
  EXPECT_EQ(config.blocking.denylists.size(), 2u);
  ASSERT_EQ(config.ports.dns.size(), 1u);
  EXPECT_EQ(config.ports.dns[0].port, 55);
  EXPECT_EQ(config.log.level, base::log::Level::kDebug);
  EXPECT_FALSE(config.log.json) << "an explicit null wins, and means the default";
  EXPECT_EQ(result.value().files.size(), 4u);
}

TEST(ConfigLoader, FolderNamesTheFileOfAFault) {
  const test::TemporaryFolder folder;
  folder.write("10.yml", kUpstreams);
  const auto bad = folder.write("20.yml", "\n- a\n");
  const auto result = load(folder.path());
  ASSERT_FALSE(result.ok());
  ASSERT_EQ(result.error().size(), 1u);
  EXPECT_EQ(result.error()[0].to_text(), bad + ":2:1: must hold keys and values ('key: value'), not a list");
}

TEST(ConfigLoader, MissingFileIsSaid) {
  const auto result = load("/does/not/exist.yml");
  ASSERT_FALSE(result.ok());
  ASSERT_EQ(result.error().size(), 1u);
  EXPECT_EQ(result.error()[0].to_text(), "/does/not/exist.yml: can't read config file(s): No such file or directory");
}

TEST(ConfigLoader, PathComesFromOptionThenEnvironment) {
  for (const char* name : {"RAMPART_CONFIG_FILE", "BLOCKY_CONFIG_FILE", "CONFIG_FILE"}) ::unsetenv(name);
  EXPECT_EQ(config_path(std::nullopt), "./config.yml");
  ::setenv("CONFIG_FILE", "/c", 1);
  EXPECT_EQ(config_path(std::nullopt), "/c");
  ::setenv("BLOCKY_CONFIG_FILE", "/b", 1);
  EXPECT_EQ(config_path(std::nullopt), "/b");
  ::setenv("RAMPART_CONFIG_FILE", "/r", 1);
  EXPECT_EQ(config_path("./config.yml"), "/r");
  EXPECT_EQ(config_path("/given"), "/given");
  for (const char* name : {"RAMPART_CONFIG_FILE", "BLOCKY_CONFIG_FILE", "CONFIG_FILE"}) ::unsetenv(name);
}

}  // namespace
}  // namespace rampart::control
