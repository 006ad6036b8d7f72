#include "control/config_reference.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "control/config_loader.h"
#include "control/config_forms.h"
#include "control/config_schema.h"

namespace rampart::control {
namespace {

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(ConfigReference, FileInDocsIsCurrent) {
  const std::string path = "docs/configuration.md";
  if (std::getenv("RAMPART_UPDATE_GOLDEN") != nullptr) std::ofstream(path, std::ios::binary) << markdown_reference();
  EXPECT_EQ(content_of(path), markdown_reference())
      << "docs/configuration.md is not what the schema says; run this test with RAMPART_UPDATE_GOLDEN=1 to rewrite it";
}

TEST(ConfigReference, DefaultFileReadsBackAsTheDefaults) {
  std::string text = default_yaml();
  const std::string groups = "  groups: {}\n";
  ASSERT_NE(text.find(groups), std::string::npos);
  text.replace(text.find(groups), groups.size(), "  groups: {default: [192.0.2.1]}\n");
  const auto result = load_text(text, "default.yml");
  ASSERT_TRUE(result.ok()) << result.error()[0].to_text();
  EXPECT_TRUE(result.value().warnings.empty()) << result.value().warnings[0].to_text();
  const Config defaults;
  for (const auto& row : config_rows()) {
    if (std::string(row.path) == "upstreams.groups") continue;
    EXPECT_EQ(row.print(result.value().config), row.print(defaults)) << row.path;
  }
}

TEST(ConfigReference, EveryRowIsWholeAndUnique) {
  std::set<std::string> paths;
  for (const auto& row : config_rows()) {
    EXPECT_TRUE(paths.insert(row.path).second) << row.path << " has two rows";
    EXPECT_FALSE(is_section(row.path)) << row.path << " is a key and a section";
    const std::string doc = row.doc;
    EXPECT_TRUE(!doc.empty() && doc.back() == '.') << row.path;
    EXPECT_FALSE(row.type().empty()) << row.path;
  }
  for (const auto& key : deprecated_keys()) {
    EXPECT_NE(find_row(key.replacement), nullptr) << key.path;
    EXPECT_EQ(find_row(key.path), nullptr) << key.path;
  }
}

TEST(ConfigReference, BundledConfigurationsAreValidAndSilent) {
  for (const char* path : {"deploy/config/quickstart.yml", "deploy/config/example.yml"}) {
    const auto result = load(path);
    ASSERT_TRUE(result.ok()) << result.error()[0].to_text();
    for (const auto& warning : result.value().warnings) ADD_FAILURE() << warning.to_text();
  }
}

TEST(ConfigReference, QuickstartServesOnlyLoopbackWithItsBundledList) {
  const auto result = load("deploy/config/quickstart.yml");
  ASSERT_TRUE(result.ok());
  const Config& config = result.value().config;
  ASSERT_EQ(config.ports.dns.size(), 1u);
  EXPECT_EQ(to_text(config.ports.dns[0]), "127.0.0.1:5353");
  const auto& source = config.blocking.denylists.at("samples").at(0);
  EXPECT_EQ(source.kind, blocklists::SourceKind::kFile);
  EXPECT_NE(content_of(source.text).find("ads.example.net"), std::string::npos);
}

}  // namespace
}  // namespace rampart::control
