#include "blocklists/rule_sets.h"

#include <algorithm>

namespace rampart::blocklists {
namespace {

auto identity(const Claim& claim) noexcept { return std::tuple(claim.group, claim.tier, claim.wildcard); }

}  // namespace

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
  sets_.shrink_to_fit();
  claims_.shrink_to_fit();
}

std::uint16_t RuleSets::source(Id id, std::uint8_t group, Tier tier, bool wildcard) const noexcept {
  for (const Claim& claim : claims(id)) {
    if (claim.group == group && claim.tier == tier && claim.wildcard == wildcard) return claim.source;
  }
  return 0;
}

}  // namespace rampart::blocklists
