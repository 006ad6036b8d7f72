#include "control/commands_lists.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <ostream>

#include "base/log.h"
#include "control/api_json.h"
#include "control/cli_output.h"
#include "control/config_loader.h"
#include "control/config_tree.h"
#include "control/list_diff.h"
#include "control/list_statistics.h"
#include "control/local_moment.h"
#include "control/policy_test.h"
#include "control/policy_trial.h"
#include "dns/presentation.h"

namespace rampart::control {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kShownOfDiff = 20;

int fail(std::ostream& err, const std::string& what, int code = kExitFault) {
  err << "Error: " << what << "\n";
  return code;
}

/// What goes wrong is told by the commands themselves; the log would stand between the results.
void quiet_log() { base::log::configure({.level = base::log::Level::kPanic}); }

DownloadMode mode_of(const ListsOptions& options) {
  return options.offline ? DownloadMode::kNone : options.refresh ? DownloadMode::kAll : DownloadMode::kMissing;
}

std::optional<Config> load_config(const std::optional<std::string>& option, std::ostream& err) {
  auto loaded = load(config_path(option));
  if (loaded.ok()) return std::move(loaded->config);
  for (const auto& fault : loaded.error()) err << "FAULT " << fault.to_text() << "\n";
  return std::nullopt;
}

}  // namespace

int lists_stats_command(const ListsOptions& options, std::ostream& out, std::ostream& err) {
  quiet_log();
  const auto config = load_config(options.config, err);
  if (!config) return kExitFault;
  Progress progress(STDERR_FILENO);
  const auto entries = list_entries(config->blocking);
  const ListTexts texts(entries, list_options(*config), mode_of(options), progress);
  const auto statistics = list_statistics(entries, texts, progress);
  out << (options.json ? statistics_json(statistics) : statistics_text(statistics));
  return kExitOk;
}

int lists_explain_command(const ListsOptions& options, std::ostream& out, std::ostream& err) {
  quiet_log();
  const auto type = dns::parse_rr_type(options.type);
  if (!type) return fail(err, "unknown query type '" + options.type + "'");
  std::tm at = local_moment_now();
  if (!options.at.empty()) {
    const auto moment = parse_local_moment(options.at);
    if (!moment.ok()) return fail(err, "--at: " + moment.error());
    at = *moment;
  }
  auto config = load_config(options.config, err);
  if (!config) return kExitFault;
  Progress progress(STDERR_FILENO);
  auto trial = PolicyTrial::create(std::move(*config), mode_of(options), progress);
  if (!trial.ok()) return fail(err, trial.error());
  PolicyTrial& policy = **trial;
  for (const auto& error : policy.list_errors()) err << "WARN " << error << "\n";
  QueryCommand question;
  question.name = options.name;
  question.type = static_cast<std::uint16_t>(*type);
  question.client = policy.client(options.client);
  auto report = policy.decide(question, at);
  if (!report.ok()) return fail(err, report.error());
  policy.locate(report->rules);
  const std::string json = to_json(explanation_of(question, std::move(report).value()));
  if (options.json) {
    out << json << "\n";
    return kExitOk;
  }
  const auto text = explain_text(json);
  if (!text.ok()) return fail(err, text.error());
  out << *text;
  return kExitOk;
}

int lists_diff_command(const ListsOptions& options, std::ostream& out, std::ostream& err) {
  quiet_log();
  Progress progress(STDERR_FILENO);
  const auto diff = diff_lists(options.before, options.after, mode_of(options), progress);
  progress.clear();
  if (!diff.ok()) return fail(err, diff.error());
  const std::size_t shown_max = options.all ? 0 : kShownOfDiff;
  out << (options.json ? diff_json(*diff, shown_max) : diff_text(*diff, shown_max));
  return kExitOk;
}

int lists_test_command(const ListsOptions& options, std::ostream& out, std::ostream& err) {
  quiet_log();
  std::ifstream file(options.policy, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file.is_open() || file.bad())
    return fail(err, "cannot read " + options.policy + " (check the path)", kExitBadInput);
  if (text.size() > kConfigFileBytesMax) return fail(err, options.policy + ": larger than 64 MiB", kExitBadInput);
  const auto tests = parse_policy_tests(text, options.policy);
  if (!tests.ok()) {
    for (const auto& fault : tests.error()) err << "FAULT " << fault.to_text() << "\n";
    return kExitBadInput;
  }
  std::optional<std::string> path = options.config;
  if (!path && !tests->config.empty())
    path = (std::filesystem::path(options.policy).parent_path() / tests->config).string();
  auto config = load_config(path, err);
  if (!config) return kExitBadInput;
  Progress progress(STDERR_FILENO);
  auto trial = PolicyTrial::create(std::move(*config), mode_of(options), progress);
  if (!trial.ok()) return fail(err, trial.error(), kExitBadInput);
  // A missing list would let every "allowed" pass.
  for (const auto& error : (*trial)->list_errors()) err << "FAULT " << error << "\n";
  if (!(*trial)->list_errors().empty()) return kExitBadInput;

  const auto result = run_policy_tests(*tests, **trial);
  bool is_bad_input = false;
  Json faults = Json::array();
  for (const auto& fault : result.faults) {
    is_bad_input |= fault.is_bad_input;
    if (options.json) {
      faults.push_back(Json{{"file", options.policy}, {"line", fault.place.line}, {"name", fault.name},
          {"who", fault.who},
                            {"at", fault.at}, {"expected", fault.expected}, {"found", fault.found}});
      continue;
    }
    err << options.policy << ":" << fault.place.line << ": " << fault.name << " for " << fault.who
        << (fault.at.empty() ? "" : ", " + fault.at) << ": expected " << fault.expected << "; found " << fault.found
            << "\n";
  }
  if (options.json) {
    out << Json{{"ok", result.faults.empty()}, {"expectations", tests->expectations.size()},
        {"checks", result.checks},
                {"faults", std::move(faults)}}
               .dump(-1, ' ', false, Json::error_handler_t::replace)
        << "\n";
  } else {
    out << tests->expectations.size() << " expectations, " << result.checks << " checks, " << result.faults.size()
        << " failed\n";
  }
  return is_bad_input ? kExitBadInput : result.faults.empty() ? kExitOk : kExitFault;
}

}  // namespace rampart::control
