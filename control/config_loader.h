// From a path to a Config: reads a file or merges a folder, migrates what Blocky has given up, checks every value
// and what values mean to each other. Everything that is wrong is reported at once.
#pragma once

#include <cstdint>
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

/// What is done about certFile and keyFile, which others than the server may have no right to read.
enum class CertificateFiles : std::uint8_t { kLeave, kTry };

/// A file, or a folder whose *.yml and *.yaml (of sub-folders too) are merged in the order of their paths.
/// Secrets in files and resolv.conf files are read as well. Never throws for what a file holds.
[[nodiscard]] base::Result<LoadedConfig, std::vector<Fault>> load(
    const std::string& path, CertificateFiles certificate_files = CertificateFiles::kLeave);
/// The same for a text; `name` stands for the file in findings.
[[nodiscard]] base::Result<LoadedConfig, std::vector<Fault>> load_text(std::string_view text, const std::string& name);

inline constexpr const char* kDefaultConfigPath = "./config.yml";
/// Which configuration is meant: `--config` if it was given, else RAMPART_CONFIG_FILE, BLOCKY_CONFIG_FILE or
/// CONFIG_FILE (the first that is set and not empty), else ./config.yml.
[[nodiscard]] std::string config_path(const std::optional<std::string>& option);

}  // namespace rampart::control
