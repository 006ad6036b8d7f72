#include "control/commands_config.h"

#include <sys/utsname.h>

#include <nlohmann/json.hpp>
#include <ostream>

#include "control/config_loader.h"
#include "control/config_reference.h"

#ifndef RAMPART_VERSION
#define RAMPART_VERSION "undefined"
#endif
#ifndef RAMPART_BUILD_TIME
#define RAMPART_BUILD_TIME "unknown"
#endif

namespace rampart::control {
namespace {

using Json = nlohmann::ordered_json;

const char* level_word(Severity severity) {
  switch (severity) {
    case Severity::kWarning: return "WARN";
    case Severity::kError: return "ERROR";
    case Severity::kFault: return "FAULT";
  }
  return "";
}

void print(std::ostream& to, const std::vector<Finding>& findings) {
  for (const auto& finding : findings) to << level_word(finding.severity) << ' ' << finding.to_text() << '\n';
}

Json findings_json(const std::vector<Finding>& findings) {
  Json all = Json::array();
  for (const auto& finding : findings) {
    Json one{{"severity", level_word(finding.severity)}, {"file", finding.file}};
    if (finding.line != 0) one["line"] = finding.line;
    if (finding.column != 0) one["column"] = finding.column;
    if (!finding.key.empty()) one["key"] = finding.key;
    one["message"] = finding.message;
    all.push_back(std::move(one));
  }
  return all;
}

int validate_as_json(const std::string& path, std::ostream& out) {
  const auto loaded = load(path, CertificateFiles::kTry);
  Json report{{"ok", loaded.ok()}, {"file", path}};
  report["faults"] = loaded.ok() ? Json::array() : findings_json(loaded.error());
  report["warnings"] = loaded.ok() ? findings_json(loaded->warnings) : Json::array();
  out << report.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
  return loaded.ok() ? 0 : 1;
}

}  // namespace

int validate_command(const std::optional<std::string>& option, bool json, std::ostream& out, std::ostream& err) {
  const std::string path = config_path(option);
  if (json) return validate_as_json(path, out);
  out << "Validating configuration file: " << path << '\n';
  const auto loaded = load(path, CertificateFiles::kTry);
  if (!loaded.ok()) {
    print(err, loaded.error());
    const auto count = loaded.error().size();
    err << "Configuration is not valid: " << count << (count == 1 ? " fault" : " faults") << '\n';
    return 1;
  }
  print(err, loaded.value().warnings);
  out << "Configuration is valid\n";
  return 0;
}

int version_command(std::ostream& out) {
  utsname system{};
  const bool known = ::uname(&system) == 0;
  out << "rampart\nVersion: " << version_text() << "\nBuild time: " << build_time_text()
      << "\nArchitecture: " << (known ? system.machine : "unknown") << '\n';
  return 0;
}

int config_reference_command(bool as_yaml, std::ostream& out) {
  out << (as_yaml ? default_yaml() : markdown_reference());
  return out.good() ? 0 : 1;
}

std::string version_text() { return RAMPART_VERSION; }
std::string build_time_text() { return RAMPART_BUILD_TIME; }

}  // namespace rampart::control
