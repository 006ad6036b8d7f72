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
  std::uint8_t group;               ///< index into FilterSet::groups()
  RuleKind kind;
  std::uint8_t labels_skipped;      ///< the rule is the name without that many leading labels
  std::uint16_t source;             ///< index into FilterSet::sources(): the (first) list that carries the rule
  std::uint16_t types;              ///< for FilterSet::types_text(); 0: the rule holds for all query types
  std::uint32_t regex;              ///< index into FilterSet::regex_text() for kRegex
};

/// Small and trivially copyable; made on the query path, where zeroing what `match_count` says is not in use would
/// cost more than asking the filter for a name.
struct Verdict {
  Verdict() noexcept {}  // NOLINT(modernize-use-equals-default): a defaulted one would be asked to zero everything
  Action action = Action::kNone;
  std::uint8_t match_count = 0;     ///< entries of `matches` in use, ordered by group name
  GroupMask groups = 0;             ///< every group that matched, even beyond `matches`
  std::array<RuleMatch, 8> matches;  ///< uninitialised from match_count on
};

}  // namespace rampart::blocklists
