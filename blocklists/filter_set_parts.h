// What a FilterSet is made of; seen by FilterSet and its builder only.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "base/keyed_hash.h"
#include "blocklists/address_table.h"
#include "blocklists/filter_set.h"
#include "blocklists/name_table.h"
#include "blocklists/regex_set.h"
#include "blocklists/rule_sets.h"

namespace rampart::blocklists {

struct FilterSetParts {
  base::HashKey key;
  std::vector<std::string> groups;
  std::vector<SourceInfo> sources;

  RuleSets sets;
  NameTable names;
  std::size_t wildcard_labels_min = dns::kLabelsMax + 1;  ///< no name with a wildcard has fewer labels
  AddressTable addresses;
  RegexSet regexes;
  std::vector<std::string> regex_texts;
  std::vector<RuleSets::Id> regex_sets;                ///< by regex
  std::array<GroupMask, kTiers> groups_with_regexes{};  ///< by tier

  GroupMask groups_with_denies = 0;
  GroupMask allowlist_only = 0;
  std::uint64_t rule_count = 0;
  std::array<std::array<std::uint64_t, 2>, kGroupsMax> group_rules{};  ///< [group][0: allow, 1: deny]
};

}  // namespace rampart::blocklists
