// Every key that Blocky has given up still works.
#include <gtest/gtest.h>

#include <map>

#include "control/config_loader.h"
#include "control/config_schema.h"

namespace rampart::control {
namespace {

struct Use {
  const char* old_yaml;
  const char* new_yaml;
  const char* clash;  ///< YAML that sets the replacement itself; "": the old key adds to it
};

const std::map<std::string, Use> kUses = {
    {"upstream", {"upstream: {default: [192.0.2.1]}", "upstreams: {groups: {default: [192.0.2.1]}}",
                  "upstreams: {groups: {default: [192.0.2.9]}}"}},
    {"upstreamTimeout", {"upstreamTimeout: 3s", "upstreams: {timeout: 3s}", "upstreams: {timeout: 4s}"}},
    {"disableIPv6", {"disableIPv6: true", "filtering: {queryTypes: [AAAA]}", ""}},
    {"port", {"port: 54,55", "ports: {dns: [54, 55]}", "ports: {dns: 56}"}},
    {"httpPort", {"httpPort: 80", "ports: {http: 80}", "ports: {http: 81}"}},
    {"httpsPort", {"httpsPort: 443", "ports: {https: 443}", "ports: {https: 444}"}},
    {"tlsPort", {"tlsPort: 853", "ports: {tls: 853}", "ports: {tls: 854}"}},
    {"logLevel", {"logLevel: warn", "log: {level: warn}", "log: {level: debug}"}},
    {"logFormat", {"logFormat: json", "log: {format: json}", "log: {format: json}"}},
    {"logPrivacy", {"logPrivacy: true", "log: {privacy: true}", "log: {privacy: true}"}},
    {"logTimestamp", {"logTimestamp: false", "log: {timestamp: false}", "log: {timestamp: false}"}},
    {"dohUserAgent", {"dohUserAgent: me", "upstreams: {userAgent: me}", "upstreams: {userAgent: you}"}},
    {"startVerifyUpstream", {"startVerifyUpstream: true", "upstreams: {init: {strategy: failOnError}}",
                             "upstreams: {init: {strategy: fast}}"}},
    {"blocking.blackLists", {"blocking: {blackLists: {a: [/a]}, clientGroupsBlock: {default: [a]}}",
                             "blocking: {denylists: {a: [/a]}, clientGroupsBlock: {default: [a]}}",
                             "blocking: {denylists: {a: [/b]}, clientGroupsBlock: {default: [a]}}"}},
    {"blocking.whiteLists", {"blocking: {whiteLists: {a: [/a]}, clientGroupsBlock: {default: [a]}}",
                             "blocking: {allowlists: {a: [/a]}, clientGroupsBlock: {default: [a]}}",
                             "blocking: {allowlists: {a: [/b]}, clientGroupsBlock: {default: [a]}}"}},
    {"blocking.downloadTimeout", {"blocking: {downloadTimeout: 9s}", "blocking: {loading: {downloads: {timeout: 9s}}}",
                                  "blocking: {loading: {downloads: {timeout: 8s}}}"}},
    {"blocking.downloadAttempts", {"blocking: {downloadAttempts: 9}", "blocking: {loading: {downloads: {attempts: 9}}}",
                                   "blocking: {loading: {downloads: {attempts: 8}}}"}},
    {"blocking.downloadCooldown", {"blocking: {downloadCooldown: 9s}",
                                   "blocking: {loading: {downloads: {cooldown: 9s}}}",
                                   "blocking: {loading: {downloads: {cooldown: 8s}}}"}},
    {"blocking.refreshPeriod", {"blocking: {refreshPeriod: 9h}", "blocking: {loading: {refreshPeriod: 9h}}",
                                "blocking: {loading: {refreshPeriod: 8h}}"}},
    {"blocking.failStartOnListError", {"blocking: {failStartOnListError: true}",
                                       "blocking: {loading: {strategy: failOnError}}",
                                       "blocking: {loading: {strategy: fast}}"}},
    {"blocking.processingConcurrency", {"blocking: {processingConcurrency: 9}", "blocking: {loading: {concurrency: 9}}",
                                        "blocking: {loading: {concurrency: 8}}"}},
    {"blocking.startStrategy", {"blocking: {startStrategy: fast}", "blocking: {loading: {strategy: fast}}",
                                "blocking: {loading: {strategy: failOnError}}"}},
    {"blocking.maxErrorsPerFile", {"blocking: {maxErrorsPerFile: 9}", "blocking: {loading: {maxErrorsPerSource: 9}}",
                                   "blocking: {loading: {maxErrorsPerSource: 8}}"}},
    {"hostsFile.refreshPeriod", {"hostsFile: {refreshPeriod: 9h}", "hostsFile: {loading: {refreshPeriod: 9h}}",
                                 "hostsFile: {loading: {refreshPeriod: 8h}}"}},
    {"hostsFile.filePath", {"hostsFile: {filePath: /etc/hosts}", "hostsFile: {sources: [/etc/hosts]}", ""}},
};

/// Two maps of a folder's files, as one configuration with the upstream that each needs.
LoadedConfig loaded(const std::string& yaml) {
  std::string text = yaml;
  if (yaml.rfind("upstream:", 0) != 0 && yaml.find("upstreams:") == std::string::npos) {
    text += "\nupstreams: {groups: {default: [192.0.2.1]}}";
  } else if (yaml.find("upstreams:") != std::string::npos && yaml.find("groups") == std::string::npos) {
    const auto at = text.find("upstreams: {") + 12;
    text.insert(at, "groups: {default: [192.0.2.1]}, ");
  }
  auto result = load_text(text, "c.yml");
  if (result.ok()) return std::move(result).value();
  ADD_FAILURE() << text << "\n" << result.error()[0].to_text();
  return {};
}

/// Puts `old` into the flow map of its section in `yaml`, or beside it.
std::string joined(const std::string& old_yaml, const std::string& yaml) {
  const auto section = old_yaml.substr(0, old_yaml.find(':'));
  if (yaml.rfind(section + ":", 0) != 0) return old_yaml + "\n" + yaml;
  const auto inner = old_yaml.substr(section.size() + 3, old_yaml.rfind('}') - section.size() - 3);
  std::string first = inner.substr(0, inner.find(", clientGroupsBlock"));
  return yaml.substr(0, section.size() + 3) + first + ", " + yaml.substr(section.size() + 3);
}

class Deprecated : public ::testing::TestWithParam<std::string> {};

TEST_P(Deprecated, MeansItsReplacementAndIsWarnedOf) {
  const Use& use = kUses.at(GetParam());
  const auto old_config = loaded(use.old_yaml), new_config = loaded(use.new_yaml);
  for (const auto& row : config_rows()) {
    EXPECT_EQ(row.print(old_config.config), row.print(new_config.config)) << row.path;
  }
  bool is_named = false, is_summed_up = false;
  for (const auto& warning : old_config.warnings) {
    is_named |= warning.key == GetParam() && warning.severity == Severity::kWarning &&
                warning.message.find("is deprecated; use ") == 0;
    is_summed_up |= warning.severity == Severity::kError && warning.key.empty();
  }
  EXPECT_TRUE(is_named);
  EXPECT_TRUE(is_summed_up);
}

/// Those that do not add to their replacement.
class DeprecatedAndReplaced : public Deprecated {};

TEST_P(DeprecatedAndReplaced, YieldsToItsReplacement) {
  const Use& use = kUses.at(GetParam());
  const auto both = loaded(joined(use.old_yaml, use.clash)), alone = loaded(use.clash);
  for (const auto& row : config_rows()) EXPECT_EQ(row.print(both.config), row.print(alone.config)) << row.path;
  bool is_said = false;
  for (const auto& warning : both.warnings) {
    is_said |= warning.key == GetParam() && warning.severity == Severity::kError &&
               warning.message.find("which is set as well, so this one is ignored") != std::string::npos;
  }
  EXPECT_TRUE(is_said);
}

std::vector<std::string> deprecated(bool with_those_that_add) {
  std::vector<std::string> out;
  for (const auto& key : deprecated_keys()) {
    if (with_those_that_add || *kUses.at(key.path).clash != '\0') out.emplace_back(key.path);
  }
  return out;
}

std::string test_name(const ::testing::TestParamInfo<std::string>& key) {
  std::string name = key.param;
  for (char& c : name) {
    if (c == '.') c = '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(All, Deprecated, ::testing::ValuesIn(deprecated(true)), test_name);
INSTANTIATE_TEST_SUITE_P(All, DeprecatedAndReplaced, ::testing::ValuesIn(deprecated(false)), test_name);

TEST(DeprecatedKeys, ThoseThatAddKeepWhatIsThere) {
  const auto result = loaded("disableIPv6: true\nfiltering: {queryTypes: [MX]}\n"
                             "hostsFile: {filePath: /b, sources: [/a]}");
  EXPECT_EQ(result.config.filtered_query_types, (std::vector{dns::RrType::kMx, dns::RrType::kAaaa}));
  ASSERT_EQ(result.config.hosts_file.sources.size(), 2u);
  EXPECT_EQ(result.config.hosts_file.sources[1].text, "/b");
}

TEST(DeprecatedKeys, FalseOnesChangeNothingButAFalseVerifyMeansFast) {
  const auto result = loaded("disableIPv6: false\nstartVerifyUpstream: false\nblocking: {failStartOnListError: false}");
  EXPECT_TRUE(result.config.filtered_query_types.empty());
  EXPECT_EQ(result.config.upstreams.init_strategy, InitStrategy::kFast);
  EXPECT_EQ(result.config.blocking.loading.strategy, InitStrategy::kBlocking);
}

}  // namespace
}  // namespace rampart::control
