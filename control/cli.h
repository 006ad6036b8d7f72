// The command line: Blocky's commands, flags, outputs and exit codes, defined once; help, shell completion and the
// manual page are generated from the same definitions. What runs or reads the server is handed in as hooks.
#pragma once

#include <functional>
#include <iosfwd>
#include <optional>
#include <string>

#include "base/ip_address.h"
#include "control/api_address.h"

namespace rampart::control {

/// What the command line wants to know from the configuration, so that no flag is needed on the server itself.
struct CliConfiguration {
  std::optional<ApiAddress> api;
  std::optional<base::IpEndpoint> dns;  ///< ports.dns[0]
};

struct CliHooks {
  /// Runs the server until a signal; returns the exit code.
  std::function<int(const std::string& config_path)> serve;
  /// Checks a configuration, prints every fault; returns the exit code.
  std::function<int(const std::string& config_path, bool json, std::ostream& out, std::ostream& err)> validate;
  /// nullopt when the file cannot be read or is wrong: then defaults apply.
  std::function<std::optional<CliConfiguration>(const std::string& config_path)> read_configuration;
  std::string version, build_time, architecture;
};

/// Returns the exit code: 0, or 1 for any error (with `Error: ...` on `err`); `lists test` tells expectations that are
/// not met (1) from input that cannot be used (2).
/// Environment: RAMPART_API (address of the API), RAMPART_API_TOKEN, RAMPART_API_CA_FILE, RAMPART_CONFIG_FILE,
/// BLOCKY_CONFIG_FILE, CONFIG_FILE.
[[nodiscard]] int run_cli(int argc, const char* const* argv, const CliHooks& hooks, std::ostream& out,
                          std::ostream& err);

}  // namespace rampart::control
