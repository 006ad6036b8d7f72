#include "control/commands_config.h"

#include <gtest/gtest.h>

#include <sstream>

#include "tests/support/temporary_folder.h"

namespace rampart::control {
namespace {

TEST(ValidateCommand, SaysThatAValidFileIsValid) {
  const test::TemporaryFolder folder;
  const auto path = folder.write("c.yml", "upstreams: {groups: {default: [192.0.2.1]}}\nblocking: {blockTTL: 5}\n");
  std::ostringstream out, err;
  EXPECT_EQ(validate_command(path, false, out, err), 0);
  EXPECT_EQ(out.str(), "Validating configuration file: " + path + "\nConfiguration is valid\n");
  EXPECT_EQ(err.str(), "WARN " + path +
                           ":2:22: blocking.blockTTL: the duration '5' has no unit and means minutes; write 5m\n");
}

TEST(ValidateCommand, PrintsEveryFaultAndFails) {
  const test::TemporaryFolder folder;
  const auto path = folder.write("c.yml", "upstream_s: 1\nlog: {level: loud}\n");
  std::ostringstream out, err;
  EXPECT_EQ(validate_command(path, false, out, err), 1);
  EXPECT_EQ(out.str().find("is valid"), std::string::npos);
  EXPECT_NE(err.str().find("FAULT " + path + ":1:1: upstream_s: is an unknown key; did you mean upstreams?\n"),
            std::string::npos)
      << err.str();
  EXPECT_NE(err.str().find(path + ":2:14: log.level: 'loud' is unknown"), std::string::npos) << err.str();
  EXPECT_NE(err.str().find("Configuration is not valid: "), std::string::npos);
}

TEST(VersionCommand, PrintsBlockysLines) {
  std::ostringstream out;
  EXPECT_EQ(version_command(out), 0);
  EXPECT_EQ(out.str().rfind("rampart\nVersion: " + version_text() + "\nBuild time: " + build_time_text() + "\nArchitecture: ", 0),
            0u)
      << out.str();
  EXPECT_EQ(version_text().find_first_not_of("0123456789."), std::string::npos) << version_text();
}

}  // namespace
}  // namespace rampart::control
