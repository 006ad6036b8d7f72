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
  NameTable names;  ///< of several labels
  std::size_t wildcard_labels_min = dns::kLabelsMax + 1;  ///< no wildcard in `names` has fewer labels
  std::size_t top_asked_labels_max = 0;  ///< longer names need not ask `top_names`: 1 without a wildcard there
  NameTable top_names;  ///< of one label. Few, and with them apart no query asks for `com` among millions
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
