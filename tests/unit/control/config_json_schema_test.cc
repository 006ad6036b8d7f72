// The JSON Schema names every key, and no key that is not one.
#include "control/config_json_schema.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "control/config_schema.h"

namespace rampart::control {
namespace {

using Json = nlohmann::json;

void collect(const Json& section, const std::string& prefix, std::set<std::string>& out) {
  for (const auto& [name, value] : section.at("properties").items()) {
    const std::string path = prefix.empty() ? name : prefix + "." + name;
    if (value.contains("properties")) {
      EXPECT_FALSE(value.at("additionalProperties").get<bool>()) << path;
      collect(value, path, out);
    } else {
      EXPECT_FALSE(value.at("description").get<std::string>().empty()) << path;
      out.insert(path);
    }
  }
}

TEST(ConfigJsonSchema, HoldsExactlyTheKeysThatAreRead) {
  std::set<std::string> found, expected;
  collect(Json::parse(config_json_schema()), "", found);
  for (const auto& row : config_rows()) expected.insert(row.path);
  for (const auto& key : deprecated_keys()) {
    if (!is_section(key.path)) expected.insert(key.path);
  }
  EXPECT_EQ(found, expected);
}

TEST(ConfigJsonSchema, BoundsNumbersAsTheReaderDoes) {
  const Json schema = Json::parse(config_json_schema());
  const Json& workers = schema.at("properties").at("workers");
  EXPECT_EQ(workers.at("minimum"), 0);
  EXPECT_EQ(workers.at("maximum"), 1024);
}

}  // namespace
}  // namespace rampart::control
