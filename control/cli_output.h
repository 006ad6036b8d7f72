// What the command line prints for the API's answers: Blocky's texts. Each takes the response body, and fails with
// words when it is not what the API sends.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace rampart::control {

using CliText = base::Result<std::string, std::string>;

/// `blocking enabled`, `blocking disabled for groups: a; b`, `... : 'a; b', for N seconds`.
[[nodiscard]] CliText blocking_status_text(std::string_view body);
/// `Query result for 'example.org' (A):` and four lines.
[[nodiscard]] CliText query_text(std::string_view body, std::string_view name, std::string_view type);
/// Tables: window, summary, top names, counts.
[[nodiscard]] CliText stats_text(std::string_view body);
[[nodiscard]] CliText explain_text(std::string_view body);
/// The health document: a line for each component, and its last error below.
[[nodiscard]] CliText status_text(std::string_view body);
/// "1,234,567"
[[nodiscard]] std::string with_separators(std::uint64_t value);

}  // namespace rampart::control
