// What became of one query, in words: for `query`, `explain` and the list tools. Made where the context still lives
// (on a worker, or in a trial), read elsewhere.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "control/control_plane.h"
#include "control/rule_finder.h"
#include "resolver/policy.h"
#include "resolver/query_context.h"

namespace rampart::control {

struct AnswerReport {
  QueryOutcome outcome;
  std::vector<std::string> client_names;
  std::vector<std::string> groups;  ///< of the client, in force now
  resolver::Stage ended_at{};
  bool allowed = false;             ///< by an allow rule
  std::vector<DecidingRule> rules;  ///< without lines; locate() adds them
};

[[nodiscard]] AnswerReport report_answer(base::ByteView response, const resolver::QueryContext& context,
                                         const resolver::PolicySnapshot& policy);

[[nodiscard]] Explanation explanation_of(const QueryCommand& command, AnswerReport report);

/// A query message for a name in presentation format; nullopt if it is no name.
[[nodiscard]] std::optional<std::vector<std::uint8_t>> query_message(const std::string& name, std::uint16_t type);

}  // namespace rampart::control
