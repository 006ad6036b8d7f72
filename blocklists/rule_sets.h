// Which groups claim a name, how, and on whose behalf: the small value behind each entry of the index. Millions of
// names share a few of them, so an entry only holds an id.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "blocklists/compiled_source.h"
#include "blocklists/query_types.h"
#include "blocklists/verdict.h"

namespace rampart::blocklists {

/// The strength of a rule; the strongest that matches decides.
enum class Tier : std::uint8_t { kDeny, kAllow, kImportantDeny, kImportantAllow };
inline constexpr std::size_t kTiers = 4;

[[nodiscard]] inline Tier tier_of(Action list_action, RuleClass rule_class) noexcept {
  const bool allows = rule_class.exception || list_action == Action::kAllow;
  return static_cast<Tier>((allows ? 1 : 0) + (rule_class.important ? 2 : 0));
}
[[nodiscard]] inline Action action_of(Tier tier) noexcept {
  return (static_cast<unsigned>(tier) & 1) != 0 ? Action::kAllow : Action::kDeny;
}

/// One group's rule for a name, with the source it came from.
struct Claim {
  std::uint16_t types = 0;  ///< id of its query types; 0: all. First, so that in a set such claims come last
  std::uint8_t group = 0;
  Tier tier{};
  bool wildcard = false;
  std::uint16_t source = 0;
  friend auto operator<=>(const Claim&, const Claim&) = default;
};

struct RuleSet {
  std::array<std::array<GroupMask, kTiers>, 2> groups{};  ///< [wildcard][tier], of rules for all query types
  std::uint32_t first_claim = 0;
  std::uint32_t claim_count = 0;
  std::uint32_t typed_count = 0;  ///< of the claims, the last: not in `groups`, for they depend on the query type
};

/// Interned rule sets. Id 0 is the empty set: "no rule".
class RuleSets {
 public:
  using Id = std::uint32_t;
  static constexpr Id kNone = 0;

  RuleSets() : sets_(1) {}

  /// More different query types than lists have reason to name.
  static constexpr std::size_t kTypesMax = 4096;
  /// The id for claims, never 0; kTypesMax + 1 if there are too many.
  [[nodiscard]] std::uint16_t intern(const QueryTypes& types);
  /// For each (types, group, tier, wildcard) the claim of the lowest source is kept. `claims` may be reordered.
  [[nodiscard]] Id intern(std::vector<Claim>& claims);
  /// Puts the set of old id order[i] at i; order[0] must be 0. Ids handed out before are void.
  void renumber(std::span<const Id> order);
  /// Forgets what only intern() needs.
  void seal();

  [[nodiscard]] const RuleSet& operator[](Id id) const noexcept { return sets_[id]; }
  [[nodiscard]] std::size_t size() const noexcept { return sets_.size(); }
  [[nodiscard]] std::span<const Claim> claims(Id id) const noexcept {
    return {claims_.data() + sets_[id].first_claim, sets_[id].claim_count};
  }
  /// The claims for some query types only.
  [[nodiscard]] std::span<const Claim> typed_claims(Id id) const noexcept {
    return claims(id).last(sets_[id].typed_count);
  }
  [[nodiscard]] bool applies(const Claim& claim, dns::RrType qtype) const noexcept {
    return claim.types == 0 || types_[claim.types - 1u].contains(qtype);
  }
  /// Groups with such a rule, whatever the query types it is for.
  [[nodiscard]] GroupMask groups_of_all_types(Id id, Tier tier, bool wildcard) const noexcept;
  /// The first claim that says so to a query of this type: one for all types before one for some; null: none.
  [[nodiscard]] const Claim* find(Id id, std::uint8_t group, Tier tier, bool wildcard,
                                  dns::RrType qtype) const noexcept;
  /// `$dnstype=AAAA`; empty for id 0.
  [[nodiscard]] std::string_view types_text(std::uint16_t types) const noexcept {
    return types == 0 ? std::string_view() : std::string_view(types_texts_[types - 1u]);
  }
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return sets_.capacity() * sizeof(RuleSet) + claims_.capacity() * sizeof(Claim) +
           types_.capacity() * (sizeof(QueryTypes) + sizeof(std::string));
  }

 private:
  std::vector<RuleSet> sets_;
  std::vector<Claim> claims_;
  std::vector<QueryTypes> types_;          ///< by id - 1
  std::vector<std::string> types_texts_;   ///< likewise
  std::map<std::vector<Claim>, Id> ids_;
  std::map<QueryTypes, std::uint16_t> types_ids_;
};

}  // namespace rampart::blocklists
