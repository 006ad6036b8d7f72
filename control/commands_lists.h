// `rampart lists stats|explain|diff|test`: work on a configuration, without a server. Results go to `out`, faults to
// `err`, progress to the terminal behind stderr if there is one.
#pragma once

#include <iosfwd>
#include <optional>
#include <string>

namespace rampart::control {

struct ListsOptions {
  std::optional<std::string> config;  ///< --config, or what the environment says
  bool json = false;
  bool refresh = false;  ///< download every list anew
  bool offline = false;  ///< download nothing
  // explain
  std::string name, type = "A", client = "127.0.0.1", at;
  // diff
  std::string before, after;
  bool all = false;
  // test
  std::string policy;
};

inline constexpr int kExitOk = 0;
inline constexpr int kExitFault = 1;     ///< an expectation is not met; for the other commands any error
inline constexpr int kExitBadInput = 2;  ///< of `lists test`: the file, the configuration or a list cannot be used

int lists_stats_command(const ListsOptions& options, std::ostream& out, std::ostream& err);
int lists_explain_command(const ListsOptions& options, std::ostream& out, std::ostream& err);
int lists_diff_command(const ListsOptions& options, std::ostream& out, std::ostream& err);
int lists_test_command(const ListsOptions& options, std::ostream& out, std::ostream& err);

}  // namespace rampart::control
