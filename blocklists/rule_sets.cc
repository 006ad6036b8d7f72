#include "blocklists/rule_sets.h"

#include <algorithm>

namespace rampart::blocklists {
namespace {

auto identity(const Claim& claim) noexcept {
  return std::tuple(claim.types, claim.group, claim.tier, claim.wildcard);
}

}  // namespace

std::uint16_t RuleSets::intern(const QueryTypes& types) {
  if (const auto known = types_ids_.find(types); known != types_ids_.end()) return known->second;
  if (types_.size() == kTypesMax) return kTypesMax + 1;
  types_.push_back(types);
  types_texts_.push_back("$dnstype=" + types.to_text());
  return types_ids_[types] = static_cast<std::uint16_t>(types_.size());
}

RuleSets::Id RuleSets::intern(std::vector<Claim>& claims) {
  std::sort(claims.begin(), claims.end());
  claims.erase(std::unique(claims.begin(), claims.end(),
                           [](const Claim& a, const Claim& b) { return identity(a) == identity(b); }),
               claims.end());
  if (claims.empty()) return kNone;
  const auto [it, is_new] = ids_.try_emplace(claims, static_cast<Id>(sets_.size()));
  if (is_new) {
    RuleSet set{.first_claim = static_cast<std::uint32_t>(claims_.size()),
                .claim_count = static_cast<std::uint32_t>(claims.size())};
    for (const Claim& claim : claims) {
      if (claim.types != 0) {
        ++set.typed_count;
        continue;
      }
      set.groups[claim.wildcard ? 1 : 0][static_cast<std::size_t>(claim.tier)] |= GroupMask{1} << claim.group;
    }
    sets_.push_back(set);
    claims_.insert(claims_.end(), claims.begin(), claims.end());
  }
  return it->second;
}

void RuleSets::renumber(std::span<const Id> order) {
  std::vector<RuleSet> sets;
  std::vector<Id> new_ids(order.size());
  sets.reserve(order.size());
  for (const Id old : order) {
    new_ids[old] = static_cast<Id>(sets.size());
    sets.push_back(sets_[old]);
  }
  sets_ = std::move(sets);
  for (auto& [claims, id] : ids_) id = new_ids[id];
}

void RuleSets::seal() {
  ids_.clear();
  types_ids_.clear();
  sets_.shrink_to_fit();
  claims_.shrink_to_fit();
}

GroupMask RuleSets::groups_of_all_types(Id id, Tier tier, bool wildcard) const noexcept {
  GroupMask groups = sets_[id].groups[wildcard ? 1 : 0][static_cast<std::size_t>(tier)];
  for (const Claim& claim : typed_claims(id)) {
    if (claim.tier == tier && claim.wildcard == wildcard) groups |= GroupMask{1} << claim.group;
  }
  return groups;
}

const Claim* RuleSets::find(Id id, std::uint8_t group, Tier tier, bool wildcard,
                            dns::RrType qtype) const noexcept {
  const RuleSet& set = sets_[id];
  const bool is_for_all = (set.groups[wildcard ? 1 : 0][static_cast<std::size_t>(tier)] >> group & 1) != 0;
  if (!is_for_all && set.typed_count == 0) return nullptr;
  for (const Claim& claim : claims(id)) {
    const bool says_so = claim.group == group && claim.tier == tier && claim.wildcard == wildcard;
    if (says_so && applies(claim, qtype)) return &claim;
  }
  return nullptr;
}

}  // namespace rampart::blocklists
