// What the block lists say about one name or address for one set of client groups.
#pragma once

#include <array>
#include <cstdint>

namespace rampart::blocklists {

/// Bit i stands for list group i of the FilterSet (at most 64 groups).
using GroupMask = std::uint64_t;
inline constexpr std::size_t kGroupsMax = 64;

enum class Action : std::uint8_t { kNone, kAllow, kDeny };
enum class RuleKind : std::uint8_t { kExact, kWildcard, kRegex, kAddress };

/// The rule that decided for one group.
struct RuleMatch {
  std::uint8_t group = 0;           ///< index into FilterSet::groups()
  RuleKind kind{};
  std::uint8_t labels_skipped = 0;  ///< the rule is the name without that many leading labels
  std::uint16_t source = 0;         ///< index into FilterSet::sources(): the (first) list that carries the rule
  std::uint32_t regex = 0;          ///< index into FilterSet::regex_text() for kRegex
};

/// Small and trivially copyable; made on the query path.
struct Verdict {
  Action action = Action::kNone;
  std::uint8_t match_count = 0;     ///< entries of `matches` in use, ordered by group name
  GroupMask groups = 0;             ///< every group that matched, even beyond `matches`
  std::array<RuleMatch, 8> matches;
};

}  // namespace rampart::blocklists
