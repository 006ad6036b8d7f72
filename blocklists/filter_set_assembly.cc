#include "blocklists/filter_set_assembly.h"

#include <algorithm>
#include <bit>
#include <numeric>
#include <tuple>
#include <unordered_map>

namespace rampart::blocklists {
namespace {

/// Finds the rule set for the streams that contain a name. Combinations are remembered: a few thousand serve
/// millions of names.
class Combinations {
 public:
  /// Lists that overlap at random could make as many combinations as names; beyond this they are looked up.
  static constexpr std::size_t kRememberedMax = 1 << 16;

  Combinations(const std::vector<FilterSetAssembly::Stream>& streams, RuleSets& sets) : streams_(streams), sets_(sets) {
    for (const auto& stream : streams) {
      claims_ = stream.claims;
      single_.push_back(sets_.intern(claims_));
    }
  }

  RuleSets::Id find(std::span<const std::uint32_t> owners) {
    if (owners.size() == 1) return single_[owners[0]];
    key_.assign(reinterpret_cast<const char*>(owners.data()), owners.size_bytes());
    if (const auto known = remembered_.find(key_); known != remembered_.end()) return known->second;
    claims_.clear();
    for (const std::uint32_t stream : owners) {
      claims_.insert(claims_.end(), streams_[stream].claims.begin(), streams_[stream].claims.end());
    }
    const RuleSets::Id id = sets_.intern(claims_);
    if (remembered_.size() < kRememberedMax) remembered_.emplace(key_, id);
    return id;
  }

 private:
  const std::vector<FilterSetAssembly::Stream>& streams_;
  RuleSets& sets_;
  std::vector<RuleSets::Id> single_;  ///< by stream
  std::unordered_map<std::string, RuleSets::Id> remembered_;
  std::string key_;
  std::vector<Claim> claims_;
};

}  // namespace

FilterSetAssembly::FilterSetAssembly(FilterSetParts& parts, const std::vector<SourceGroup>& inputs)
    : parts_(parts), inputs_(inputs) {
  for (const SourceGroup& input : inputs_) {
    parts_.wildcard_labels_min = std::min(parts_.wildcard_labels_min, input.compiled->wildcard_labels_min());
    for (const QueryTypes& types : input.compiled->types()) {
      if (parts_.sets.intern(types) > RuleSets::kTypesMax) has_too_many_types_ = true;
    }
    for (const auto& [rule_class, hashes] : input.compiled->names()) {
      streams_.push_back({hashes, claims(input, rule_class), &input, rule_class.one_label});
      if (!rule_class.one_label) continue;
      const std::size_t labels_max = rule_class.wildcard ? dns::kLabelsMax : 1;
      parts_.top_asked_labels_max = std::max(parts_.top_asked_labels_max, labels_max);
    }
  }
}

/// Calls `take(hash, streams with it)` for all names of one label, or of several, in ascending order of their
/// hashes; it returns false to end that.
template <class Take>
base::Status FilterSetAssembly::for_each_name(bool one_label, Take take) const {
  std::vector<HashSequence> sequences;
  for (const Stream& stream : streams_) {
    sequences.push_back(stream.one_label == one_label ? stream.hashes : HashSequence{});
  }
  HashMerge merge(sequences);
  while (merge.next() && take(merge.hash(), merge.owners())) {
  }
  if (!merge.failure()) return base::Done{};
  const auto& [sequence, why] = *merge.failure();
  return base::Error{"the names of " + parts_.sources[streams_[sequence].input->sources[0]].name +
                     " cannot be read back from disk: " + why + " (check the disk, and refresh the lists)"};
}

// Gives the rule sets their final ids, by the number of names that share them.
base::Status FilterSetAssembly::count_names() {
  std::vector<std::uint64_t> names_of(1);  // by rule set
  Combinations combinations(streams_, parts_.sets);
  bool has_too_many_sets = false;
  for (const bool one_label : {false, true}) {
    auto status = for_each_name(one_label, [&](std::uint64_t, std::span<const std::uint32_t> owners) {
      const RuleSets::Id id = combinations.find(owners);
      if (id >= names_of.size()) {
        has_too_many_sets = id >= kRuleSetsMax;
        if (has_too_many_sets) return false;
        names_of.resize(id + 1);
      }
      ++names_of[id];
      ++name_counts_[one_label ? 1 : 0];
      return true;
    });
    if (!status.ok()) return status;
    if (has_too_many_sets) {
      return base::Error{"the lists of the groups overlap in more than " + std::to_string(kRuleSetsMax) +
                         " different ways: let groups share lists, or use fewer groups"};
    }
  }
  names_of.resize(parts_.sets.size());
  parts_.rule_count += name_counts_[0] + name_counts_[1];

  std::vector<RuleSets::Id> order(parts_.sets.size());
  std::iota(order.begin(), order.end(), RuleSets::Id{0});
  std::stable_sort(order.begin() + 1, order.end(),
                   [&](RuleSets::Id a, RuleSets::Id b) { return names_of[a] > names_of[b]; });
  parts_.sets.renumber(order);
  for (RuleSets::Id id = 1; id < order.size(); ++id) count_rules(id, names_of[order[id]]);
  return base::Done{};
}

base::Status FilterSetAssembly::fill(NameTable& table, bool one_label, std::size_t names) {
  table = NameTable(names);
  Combinations combinations(streams_, parts_.sets);
  std::size_t filled = 0;
  auto status = for_each_name(one_label, [&](std::uint64_t hash, std::span<const std::uint32_t> owners) {
    if (filled++ == names) return false;
    table.append(hash, combinations.find(owners));
    return true;
  });
  if (!status.ok() || filled == names) return status;
  const char* why = "the names of the lists were read back from disk twice and differed: check the disk";
  return base::Error{std::string(why)};
}

base::Status FilterSetAssembly::add_names() {
  if (has_too_many_types_) {
    return base::Error{"the lists name more than " + std::to_string(RuleSets::kTypesMax) +
                       " different combinations of query types behind $dnstype=: remove the list that does"};
  }
  if (auto status = count_names(); !status.ok()) return status;
  if (auto status = fill(parts_.names, false, name_counts_[0]); !status.ok()) return status;
  return fill(parts_.top_names, true, name_counts_[1]);
}

void FilterSetAssembly::add_addresses() {
  std::vector<AddressRule> rules;
  for (const auto& input : inputs_) {
    for (const auto& range : input.compiled->ranges()) {
      for (const Claim& claim : claims(input, range.rule_class)) rules.push_back({range.range, claim});
    }
  }
  // Counted once for each range, group and action, whatever sources and tiers it comes from.
  const auto key = [](const AddressRule& rule) {
    return std::tuple(rule.range.base.mapped(), rule.range.prefix, rule.claim.group, action_of(rule.claim.tier));
  };
  std::sort(rules.begin(), rules.end(), [&](const auto& a, const auto& b) { return key(a) < key(b); });
  for (std::size_t i = 0; i < rules.size(); ++i) {
    if (i > 0 && key(rules[i]) == key(rules[i - 1])) continue;
    count_rule(rules[i].claim.group, action_of(rules[i].claim.tier), 1);
    if (i == 0 || !(rules[i].range == rules[i - 1].range)) ++parts_.rule_count;
  }
  parts_.addresses.build(rules, parts_.sets);
}

base::Status FilterSetAssembly::add_regexes(std::size_t regexes_max) {
  std::unordered_map<std::string_view, std::size_t> known;
  std::vector<std::vector<Claim>> claims_of;
  for (const auto& input : inputs_) {
    for (const auto& regex : input.compiled->regexes()) {
      const auto [it, is_new] = known.try_emplace(regex.text, claims_of.size());
      if (is_new) {
        claims_of.emplace_back();
        parts_.regex_texts.push_back(regex.text);
      }
      const auto added = claims(input, regex.rule_class);
      claims_of[it->second].insert(claims_of[it->second].end(), added.begin(), added.end());
    }
  }
  if (claims_of.size() > regexes_max) {
    return base::Error{"the lists hold " + std::to_string(claims_of.size()) + " different regexes, more than the " +
                       std::to_string(regexes_max) + " that are possible: use names and wildcards"};
  }
  for (auto& regex_claims : claims_of) {
    const RuleSets::Id id = parts_.sets.intern(regex_claims);
    parts_.regex_sets.push_back(id);
    count_rules(id, 1);
    for (std::size_t tier = 0; tier < kTiers; ++tier) {
      parts_.groups_with_regexes[tier] |= parts_.sets.groups_of_all_types(id, static_cast<Tier>(tier), false);
    }
  }
  parts_.rule_count += claims_of.size();
  return parts_.regexes.build(parts_.regex_texts);
}

std::vector<Claim> FilterSetAssembly::claims(const SourceGroup& input, RuleClass rule_class) const {
  std::vector<Claim> result;
  std::uint16_t types = 0;
  if (rule_class.types != 0) types = parts_.sets.intern(input.compiled->types()[rule_class.types - 1u]);
  for (const auto id : input.sources) {
    const SourceInfo& source = parts_.sources[id];
    result.push_back({types, source.group, tier_of(source.action, rule_class), rule_class.wildcard, id});
  }
  return result;
}

void FilterSetAssembly::count_rule(std::uint8_t group, Action action, std::uint64_t count) {
  parts_.group_rules[group][action == Action::kDeny ? 1 : 0] += count;
  if (action == Action::kDeny) parts_.groups_with_denies |= GroupMask{1} << group;
}

// `count` names (or regexes) with this rule set: one rule for each group, action and kind.
void FilterSetAssembly::count_rules(RuleSets::Id id, std::uint64_t count) {
  if (count == 0) return;
  for (const bool wildcard : {false, true}) {
    for (const Action action : {Action::kAllow, Action::kDeny}) {
      GroupMask groups = 0;
      for (std::size_t tier = 0; tier < kTiers; ++tier) {
        const auto strength = static_cast<Tier>(tier);
        if (action_of(strength) == action) groups |= parts_.sets.groups_of_all_types(id, strength, wildcard);
      }
      for (; groups != 0; groups &= groups - 1) {
        count_rule(static_cast<std::uint8_t>(std::countr_zero(groups)), action, count);
      }
    }
  }
}

}  // namespace rampart::blocklists
