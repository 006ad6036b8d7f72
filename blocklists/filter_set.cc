#include "blocklists/filter_set.h"

#include <algorithm>
#include <bit>
#include <optional>

#include "blocklists/filter_set_parts.h"

namespace rampart::blocklists {
namespace {

/// The suffixes of one name that are in the index, the whole name first.
struct Hits {
  struct Hit {
    std::uint8_t labels_skipped;
    RuleSets::Id set;
  };
  std::array<Hit, dns::kLabelsMax> hits;
  std::size_t count = 0;
};

/// How many suffixes can be in the table of names of several labels to any effect: the name itself, and those that a
/// wildcard may stand for.
std::size_t suffixes_that_matter(const FilterSetParts& parts, const NameHashes& hashes) noexcept {
  if (hashes.count < parts.wildcard_labels_min) return hashes.count > 1 ? 1 : 0;
  return hashes.count - parts.wildcard_labels_min + 1;
}

/// The filter is asked for 64 suffixes at once, without a branch between them, so that their cache misses overlap.
void find_suffixes(const NameTable& names, const NameHashes& hashes, std::size_t count, Hits& hits) noexcept {
  for (std::size_t first = 0; first < count; first += 64) {
    const std::size_t last = std::min<std::size_t>(count, first + 64);
    std::uint64_t candidates = 0;
    for (std::size_t i = first; i < last; ++i) {
      candidates |= std::uint64_t{names.may_contain(hashes.suffix[i])} << (i - first);
    }
    for (; candidates != 0; candidates &= candidates - 1) {
      const std::size_t i = first + static_cast<std::size_t>(std::countr_zero(candidates));
      if (const RuleSets::Id id = names.find(hashes.suffix[i])) hits.hits[hits.count++] = {static_cast<std::uint8_t>(i), id};
    }
  }
}

/// For the last label, in the table of names of one label. Apart from match(), and without the hits, which then
/// stay in registers.
[[gnu::noinline]] RuleSets::Id find_top(const NameTable& names, std::uint64_t hash) noexcept {
  return names.may_contain(hash) ? names.find(hash) : RuleSets::kNone;
}

/// Which groups matched by what, for one tier.
struct TierMatch {
  GroupMask exact = 0;
  GroupMask wildcard = 0;
  GroupMask regex = 0;
  GroupMask address = 0;
  [[nodiscard]] GroupMask all() const noexcept { return exact | wildcard | regex | address; }
};
using TierMatches = std::array<TierMatch, kTiers>;

std::optional<Tier> strongest(const TierMatches& matches) noexcept {
  for (std::size_t tier = kTiers; tier-- > 0;) {
    if (matches[tier].all() != 0) return static_cast<Tier>(tier);
  }
  return std::nullopt;
}

/// Adds what the rules for some query types only say. `own`: where those without a wildcard count, null: nowhere.
[[gnu::noinline]] void add_typed(const RuleSets& sets, RuleSets::Id id, dns::RrType qtype, GroupMask client_groups,
                                 GroupMask TierMatch::* own, TierMatches& matches) noexcept {
  for (const Claim& claim : sets.typed_claims(id)) {
    const GroupMask bit = GroupMask{1} << claim.group & client_groups;
    if (bit == 0 || !sets.applies(claim, qtype)) continue;
    TierMatch& match = matches[static_cast<std::size_t>(claim.tier)];
    if (claim.wildcard) {
      match.wildcard |= bit;
    } else if (own != nullptr) {
      match.*own |= bit;
    }
  }
}

/// What a set of addresses or regexes, which knows no wildcards, says.
void add_set(const RuleSets& sets, RuleSets::Id id, dns::RrType qtype, GroupMask client_groups,
             GroupMask TierMatch::* own, TierMatches& matches) noexcept {
  const RuleSet& set = sets[id];
  for (std::size_t tier = 0; tier < kTiers; ++tier) matches[tier].*own |= set.groups[0][tier] & client_groups;
  if (set.typed_count != 0) add_typed(sets, id, qtype, client_groups, own, matches);
}

/// A query name of four decimal labels is taken for the address it looks like: lists contain such entries.
std::optional<base::IpAddress> as_address(const dns::FoldedName& name) noexcept {
  if (name.label_count != 4) return std::nullopt;
  std::array<std::uint8_t, 4> octets{};
  for (std::size_t i = 0; i < 4; ++i) {
    const std::uint8_t* label = name.wire.data() + name.label_at[i];
    if (label[0] > 3 || (label[0] > 1 && label[1] == '0')) return std::nullopt;
    unsigned value = 0;
    for (std::size_t j = 1; j <= label[0]; ++j) {
      if (label[j] < '0' || label[j] > '9') return std::nullopt;
      value = value * 10 + (label[j] - '0');
    }
    if (value > 255) return std::nullopt;
    octets[i] = static_cast<std::uint8_t>(value);
  }
  return base::IpAddress::v4(octets.data());
}

/// Text for the regexes: octets as they are, dots between labels.
std::string_view regex_subject(const dns::FoldedName& name, std::array<char, dns::kNameBytesMax>& buffer) noexcept {
  if (name.label_count == 0) return {};
  const std::size_t length = name.length - 2u;  // without the first length octet and the root
  std::memcpy(buffer.data(), name.wire.data() + 1, length);
  for (std::size_t i = 1; i < name.label_count; ++i) buffer[name.label_at[i] - 1u] = '.';
  return {buffer.data(), length};
}

/// A regex can still change the verdict: by a stronger tier, or by a group that has not matched yet.
bool regexes_matter(const TierMatches& matches, const std::array<GroupMask, kTiers>& with_regexes,
                    GroupMask client_groups) noexcept {
  const std::optional<Tier> best = strongest(matches);
  for (std::size_t tier = best ? static_cast<std::size_t>(*best) : 0; tier < kTiers; ++tier) {
    if ((with_regexes[tier] & client_groups & ~matches[tier].all()) != 0) return true;
  }
  return false;
}

template <class RuleOf>
Verdict report(Tier tier, GroupMask groups, RuleOf rule_of) noexcept {
  Verdict verdict;
  verdict.action = action_of(tier);
  verdict.groups = groups;
  for (; groups != 0 && verdict.match_count < verdict.matches.size(); groups &= groups - 1) {
    const auto group = static_cast<std::uint8_t>(std::countr_zero(groups));
    verdict.matches[verdict.match_count++] = rule_of(group);
  }
  return verdict;
}

}  // namespace

FilterSet::FilterSet() : parts_(std::make_unique<FilterSetParts>()) {}
FilterSet::~FilterSet() = default;

Verdict FilterSet::match(const dns::FoldedName& name, GroupMask client_groups, dns::RrType qtype) const noexcept {
  NameHashes hashes;
  hash_suffixes(parts_->key, name, hashes);
  return match(name, hashes, client_groups, qtype);
}

Verdict FilterSet::match(const dns::FoldedName& name, const NameHashes& hashes, GroupMask client_groups,
                         dns::RrType qtype) const noexcept {
  const FilterSetParts& parts = *parts_;
  if (client_groups == 0) return {};

  Hits hits;
  find_suffixes(parts.names, hashes, suffixes_that_matter(parts, hashes), hits);
  const std::size_t last = std::size_t{hashes.count} - 1;  // of no label: a large number
  if (last < parts.top_asked_labels_max) [[unlikely]] {
    if (const RuleSets::Id id = find_top(parts.top_names, hashes.suffix[last]))
      hits.hits[hits.count++] = {static_cast<std::uint8_t>(last), id};
  }
  const bool only_names_count = parts.addresses.is_empty() && parts.regex_texts.empty();
  if (hits.count == 0 && only_names_count) return {};  // by far the most frequent end

  TierMatches matches;
  for (std::size_t i = 0; i < hits.count; ++i) {
    const auto [labels_skipped, id] = hits.hits[i];
    const RuleSet& set = parts.sets[id];
    for (std::size_t tier = 0; tier < kTiers; ++tier) {
      matches[tier].wildcard |= set.groups[1][tier] & client_groups;
      if (labels_skipped == 0) matches[tier].exact |= set.groups[0][tier] & client_groups;
    }
    if (set.typed_count != 0) [[unlikely]]
      add_typed(parts.sets, id, qtype, client_groups, labels_skipped == 0 ? &TierMatch::exact : nullptr, matches);
  }

  RuleSets::Id address_set = RuleSets::kNone;
  if (!parts.addresses.is_empty()) {
    if (const auto address = as_address(name)) {
      address_set = parts.addresses.find(*address);
      add_set(parts.sets, address_set, qtype, client_groups, &TierMatch::address, matches);
    }
  }

  std::vector<int> regex_hits;
  if (regexes_matter(matches, parts.groups_with_regexes, client_groups)) {
    std::array<char, dns::kNameBytesMax> buffer;
    parts.regexes.match(regex_subject(name, buffer), regex_hits);
    for (const int regex : regex_hits) {
      const RuleSets::Id id = parts.regex_sets[static_cast<std::size_t>(regex)];
      add_set(parts.sets, id, qtype, client_groups, &TierMatch::regex, matches);
    }
  }

  const std::optional<Tier> decided = strongest(matches);
  if (!decided) return {};
  const Tier tier = *decided;
  const TierMatch& match = matches[static_cast<std::size_t>(tier)];
  return report(tier, match.all(), [&](std::uint8_t group) noexcept -> RuleMatch {
    const GroupMask bit = GroupMask{1} << group;
    if ((match.exact & bit) != 0) {
      if (const Claim* claim = parts.sets.find(hits.hits[0].set, group, tier, false, qtype))
        return {group, RuleKind::kExact, 0, claim->source, claim->types, 0};
    }
    if ((match.address & bit) != 0) {
      if (const Claim* claim = parts.sets.find(address_set, group, tier, false, qtype))
        return {group, RuleKind::kAddress, 0, claim->source, claim->types, 0};
    }
    if ((match.wildcard & bit) != 0) {
      for (std::size_t i = hits.count; i-- > 0;) {  // the widest rule, as if it had swallowed the narrower ones
        const auto [labels_skipped, id] = hits.hits[i];
        if (const Claim* claim = parts.sets.find(id, group, tier, true, qtype))
          return {group, RuleKind::kWildcard, labels_skipped, claim->source, claim->types, 0};
      }
    }
    for (const int regex : regex_hits) {
      const RuleSets::Id id = parts.regex_sets[static_cast<std::size_t>(regex)];
      if (const Claim* claim = parts.sets.find(id, group, tier, false, qtype))
        return {group, RuleKind::kRegex, 0, claim->source, claim->types, static_cast<std::uint32_t>(regex)};
    }
    return {group, RuleKind::kExact, 0, 0, 0, 0};  // not reached: the group is in one of the masks
  });
}

void FilterSet::prefetch(const dns::FoldedName& name) const noexcept {
  NameHashes hashes;
  hash_suffixes(parts_->key, name, hashes);
  prefetch(hashes);
}

void FilterSet::prefetch(const NameHashes& hashes) const noexcept {
  const std::size_t count = suffixes_that_matter(*parts_, hashes);
  for (std::size_t i = 0; i < count; ++i) parts_->names.prefetch_filter(hashes.suffix[i]);
}

bool FilterSet::prefetch_listed(const NameHashes& hashes) const noexcept {
  const std::size_t count = suffixes_that_matter(*parts_, hashes);
  bool may_be_listed = false;
  for (std::size_t i = 0; i < count; ++i) {
    if (!parts_->names.may_contain(hashes.suffix[i])) continue;
    parts_->names.prefetch_bucket(hashes.suffix[i]);
    may_be_listed = true;
  }
  return may_be_listed;
}

Verdict FilterSet::match(const base::IpAddress& address, GroupMask client_groups,
                         dns::RrType qtype) const noexcept {
  const FilterSetParts& parts = *parts_;
  const RuleSets::Id id = parts.addresses.find(address);
  if (id == RuleSets::kNone) return {};
  TierMatches matches;
  add_set(parts.sets, id, qtype, client_groups, &TierMatch::address, matches);
  const std::optional<Tier> tier = strongest(matches);
  if (!tier) return {};
  return report(*tier, matches[static_cast<std::size_t>(*tier)].all(), [&](std::uint8_t group) noexcept -> RuleMatch {
    const Claim* claim = parts.sets.find(id, group, *tier, false, qtype);
    return {group, RuleKind::kAddress, 0, claim->source, claim->types, 0};
  });
}

const base::HashKey& FilterSet::key() const noexcept { return parts_->key; }
bool FilterSet::has_deny_rules(GroupMask client_groups) const noexcept {
  return (parts_->groups_with_denies & client_groups) != 0;
}
GroupMask FilterSet::allowlist_only_groups() const noexcept { return parts_->allowlist_only; }
const std::vector<std::string>& FilterSet::groups() const noexcept { return parts_->groups; }
const std::vector<SourceInfo>& FilterSet::sources() const noexcept { return parts_->sources; }
std::string_view FilterSet::regex_text(std::uint32_t regex) const noexcept {
  return regex < parts_->regex_texts.size() ? std::string_view(parts_->regex_texts[regex]) : std::string_view();
}
std::string_view FilterSet::types_text(std::uint16_t types) const noexcept {
  return parts_->sets.types_text(types);
}
std::size_t FilterSet::memory_bytes() const noexcept {
  return parts_->names.memory_bytes() + parts_->top_names.memory_bytes() + parts_->addresses.memory_bytes() +
         parts_->sets.memory_bytes() + parts_->regexes.memory_bytes();
}
std::uint64_t FilterSet::rule_count() const noexcept { return parts_->rule_count; }
std::uint64_t FilterSet::group_rule_count(std::size_t group, Action action) const noexcept {
  if (group >= parts_->groups.size() || action == Action::kNone) return 0;
  return parts_->group_rules[group][action == Action::kDeny ? 1 : 0];
}

}  // namespace rampart::blocklists
