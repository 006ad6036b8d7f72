// One rule as a list states it, whatever the list's form: what a parser hands to a sink. Everything is borrowed
// and only valid during the call.
#pragma once

#include <string_view>

#include "base/ip_address.h"
#include "blocklists/query_types.h"
#include "blocklists/verdict.h"

namespace rampart::blocklists {

struct Rule {
  /// kNone: a plain entry, which denies in a denylist and allows in an allowlist.
  /// kAllow: an exception (`@@||x^`, RPZ passthru), which allows wherever it stands.
  Action action = Action::kNone;
  RuleKind kind = RuleKind::kExact;
  /// ABP `$important`: an important deny beats a plain allow; only an important allow beats it.
  bool important = false;
  std::string_view name;   ///< kExact, kWildcard: lower-case A-labels with dots between, no final dot
  std::string_view regex;  ///< kRegex: RE2 syntax, without the slashes, known to compile
  base::IpRange range;     ///< kAddress
  const QueryTypes* types = nullptr;  ///< holds for these query types only; null: for all
};

/// Where a parser puts its rules, in the order of the text.
class RuleSink {
 public:
  virtual ~RuleSink() = default;
  virtual void add(const Rule& rule) = 0;
};

}  // namespace rampart::blocklists
