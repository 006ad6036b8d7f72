// Which groups claim a name, how, and on whose behalf: the small value behind each entry of the index. Millions of
// names share a few of them, so an entry only holds an id.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <tuple>
#include <vector>

#include "blocklists/compiled_source.h"
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
  std::uint8_t group = 0;
  Tier tier{};
  bool wildcard = false;
  std::uint16_t source = 0;
  friend auto operator<=>(const Claim&, const Claim&) = default;
};

struct RuleSet {
  std::array<std::array<GroupMask, kTiers>, 2> groups{};  ///< [wildcard][tier]
  std::uint32_t first_claim = 0;
  std::uint32_t claim_count = 0;
};

/// Interned rule sets. Id 0 is the empty set: "no rule".
class RuleSets {
 public:
  using Id = std::uint32_t;
  static constexpr Id kNone = 0;

  RuleSets() : sets_(1) {}

  /// For each (group, tier, wildcard) the claim of the lowest source is kept. `claims` may be reordered.
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
  /// The source behind a claim that the set is known to contain.
  [[nodiscard]] std::uint16_t source(Id id, std::uint8_t group, Tier tier, bool wildcard) const noexcept;
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return sets_.capacity() * sizeof(RuleSet) + claims_.capacity() * sizeof(Claim);
  }

 private:
  std::vector<RuleSet> sets_;
  std::vector<Claim> claims_;
  std::map<std::vector<Claim>, Id> ids_;
};

}  // namespace rampart::blocklists
