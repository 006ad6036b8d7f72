// Our values in the JSON forms of the REST API; one function per body, members in Blocky's order and names.
#pragma once

#include <string>

#include "control/control_plane.h"
#include "control/statistics.h"

namespace rampart::control {

[[nodiscard]] std::string to_json(const BlockingStatus& status);
[[nodiscard]] std::string to_json(const QueryOutcome& outcome);
[[nodiscard]] std::string to_json(const Explanation& explanation);
[[nodiscard]] std::string to_json(const StatsReport& report);
/// `with_details` false: only the verdict, for those who may not see the inside.
[[nodiscard]] std::string to_json(const HealthReport& report, bool with_details);

/// Ready: answering, and no required component has failed.
[[nodiscard]] bool is_ready(const HealthReport& report);
[[nodiscard]] std::string_view to_text(ComponentState state);
/// "2026-01-02T15:04:05Z"
[[nodiscard]] std::string rfc3339(base::WallTime time);

}  // namespace rampart::control
