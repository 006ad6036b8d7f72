// Commands that need no server: `rampart validate`, `rampart version`, `rampart config-reference`.
#pragma once

#include <iosfwd>
#include <optional>
#include <string>

namespace rampart::control {

/// Loads the configuration and prints every fault and warning with its place. Returns the exit code: 0 if it can be
/// used, else 1. `option` is the value of --config, if it was given. `json`: one object on `out` instead.
int validate_command(const std::optional<std::string>& option, bool json, std::ostream& out, std::ostream& err);
/// Name, version, build time and architecture, as Blocky prints them.
int version_command(std::ostream& out);
/// The reference (Markdown), or all defaults (YAML).
int config_reference_command(bool as_yaml, std::ostream& out);

/// `0.1.0`
[[nodiscard]] std::string version_text();
/// `20261124-150000`, or "unknown" where the build was not told.
[[nodiscard]] std::string build_time_text();

}  // namespace rampart::control
