// Expectations about a policy, as a YAML file that people and CI run: who must (not) get which name, when. The
// file's form is in docs/lists.md.
#pragma once

#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "control/config_findings.h"
#include "control/policy_trial.h"

namespace rampart::control {

struct Expectation {
  enum class Outcome : std::uint8_t { kBlocked, kAllowed, kAnswer } outcome = Outcome::kBlocked;
  Place place;                       ///< of the expectation in its file
  std::string client;                ///< address or name; empty: see groups
  std::vector<std::string> groups;   ///< a client of exactly these list groups
  std::vector<std::string> names;
  std::uint16_t type = 1;
  std::optional<std::tm> at;         ///< nullopt: at every time of the week
  std::string answer;                ///< kAnswer: an address or text of the answer, or a return code
  std::string reason;                ///< must occur in the reason or in a deciding rule; empty: any
};

struct PolicyTests {
  std::string config;  ///< as written, relative to the file; empty: given elsewhere
  std::vector<Expectation> expectations;
};

/// More than this in one file is no policy that people read.
inline constexpr std::size_t kExpectationsMax = 10'000;

/// Every fault of the file, with its line.
[[nodiscard]] base::Result<PolicyTests, std::vector<Fault>> parse_policy_tests(std::string_view text,
    const std::string& file);

/// One expectation that was not met, or could not be tried.
struct PolicyFault {
  Place place;
  std::string name, who, at;
  std::string expected, found;
  bool is_bad_input = false;  ///< an unknown group, no domain name
};

struct PolicyTestResult {
  std::size_t checks = 0;  ///< names x distinct moments
  std::vector<PolicyFault> faults;
};
[[nodiscard]] PolicyTestResult run_policy_tests(const PolicyTests& tests, PolicyTrial& trial);

}  // namespace rampart::control
