// From a path to a Config: reads a file or merges a folder, migrates what Blocky has given up, checks every value
// and what values mean to each other. Everything that is wrong is reported at once.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "control/config.h"
#include "control/config_findings.h"

namespace rampart::control {

struct LoadedConfig {
  Config config;
  std::vector<Warning> warnings;   ///< Severity::kWarning and kError, in the order of the file
  std::vector<std::string> files;  ///< that were read, in the order of merging
};

/// A file, or a folder whose *.yml and *.yaml (of sub-folders too) are merged in the order of their paths.
/// Secrets in files and resolv.conf files are read as well. Never throws for what a file holds.
[[nodiscard]] base::Result<LoadedConfig, std::vector<Fault>> load(const std::string& path);
/// The same for a text; `name` stands for the file in findings.
[[nodiscard]] base::Result<LoadedConfig, std::vector<Fault>> load_text(std::string_view text, const std::string& name);

inline constexpr const char* kDefaultConfigPath = "./config.yml";
/// Which configuration is meant: `--config` if it was given, else RAMPART_CONFIG_FILE, BLOCKY_CONFIG_FILE or
/// CONFIG_FILE (the first that is set and not empty), else ./config.yml.
[[nodiscard]] std::string config_path(const std::optional<std::string>& option);

/// `group: upstream` for each configured upstream whose protocol is not in `transports`, so that whoever builds the
/// upstreams can leave them out and say so.
struct UnservedUpstream {
  std::string group;
  resolver::UpstreamSpec upstream;
};
[[nodiscard]] std::vector<UnservedUpstream> upstreams_without_transport(
    const Config& config, const std::vector<resolver::UpstreamProtocol>& transports);

}  // namespace rampart::control
