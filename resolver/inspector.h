// Looks into an answer for what the question did not show: CNAME targets, addresses, and SVCB/HTTPS targets and
// hints that are on a denylist (Blocky checks the first two; the last is how a tracker hides behind an alias).
#pragma once

#include "blocklists/filter_set.h"
#include "dns/message_view.h"
#include "storage/reason.h"

namespace rampart::resolver {

struct Inspection {
  bool blocked = false;
  bool untouched = true;   ///< no record met any rule, of any group: the answer is clean for every client
  storage::Reason reason{};
  blocklists::Verdict verdict;
  dns::Name target;          ///< the name that was blocked, for kBlockedCname and kBlockedTarget
  base::IpAddress address;   ///< the address that was blocked, for kBlockedIp
};

/// Walks the answer section in order; the first record on a denylist of `groups` decides, a record on an allowlist
/// is skipped. `qtype` is the query's. Cost: one match for each record; no allocation.
[[nodiscard]] Inspection inspect(const dns::MessageView& answer, dns::RrType qtype,
                                 const blocklists::FilterSet& filter, blocklists::GroupMask groups) noexcept;

}  // namespace rampart::resolver
