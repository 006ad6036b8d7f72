// Where a rule is written. A verdict knows the list and the kind of the rule that decided, not its line: the line
// is found by reading the list again. For `explain` and tests, never for the query path.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "blocklists/list_scan.h"
#include "control/control_plane.h"
#include "control/list_catalog.h"
#include "resolver/policy.h"
#include "resolver/query_context.h"

namespace rampart::control {

/// One rule of a verdict, and what find_line() looks for.
struct DecidingRule : ExplainedRule {
  std::uint16_t source = 0;   ///< index of the list among list_entries()
  blocklists::RuleKind rule_kind{};
  std::string wanted;         ///< name without `*.`, or regex without slashes
  std::string types;          ///< `$dnstype=...` of a rule for some query types only
  base::IpAddress address;    ///< for address rules
};

/// The rules of the context's verdict, without their lines: what can be told from the decision alone. Cheap.
[[nodiscard]] std::vector<DecidingRule> deciding_rules(const resolver::QueryContext& context,
                                                       const resolver::PolicySnapshot& policy);

/// Reads the list and fills in line and text (or `note`): the first line that carries the rule; one that says
/// `$important` is preferred, since it is the one that wins.
void find_line(DecidingRule& rule, const blocklists::ReadText& read, const blocklists::ListParserOptions& options);

/// How to read the source's text: inline and files directly, a download from its last good copy in `cache_path`.
/// nullopt: there is none.
[[nodiscard]] std::optional<blocklists::ReadText> reader_of(const blocklists::SourceSpec& source,
                                                            const std::string& cache_path);

/// Place and line of all rules. `entries` are those that the policy's filter was made of; a rule whose source is
/// not where it should be (the lists were exchanged meanwhile) gets a note.
void locate(std::vector<DecidingRule>& rules, const std::vector<ListEntry>& entries, const std::string& cache_path,
            const blocklists::ListParserOptions& options);

/// `blocking.denylists.ads[0]` for each entry.
[[nodiscard]] std::vector<std::string> places_of(const std::vector<ListEntry>& entries);

}  // namespace rampart::control
