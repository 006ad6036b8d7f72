// Rules for addresses and address ranges. Ranges in prefix form are disjoint or nested, so they cut the address
// space into intervals, each with one rule set; a look-up is one binary search.
#pragma once

#include <cstdint>
#include <vector>

#include "base/ip_address.h"
#include "blocklists/rule_sets.h"

namespace rampart::blocklists {

struct AddressRule {
  base::IpRange range;
  Claim claim;
};

/// The intervals of one address family; Key is its addresses as a number.
template <class Key>
class IntervalTable {
 public:
  struct Interval {
    Key first;
    Key last;
    Claim claim;
  };
  /// `intervals` are nested or disjoint.
  void build(std::vector<Interval> intervals, RuleSets& sets);
  [[nodiscard]] RuleSets::Id find(Key key) const noexcept;
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return starts_.capacity() * sizeof(Key) + ids_.capacity() * sizeof(RuleSets::Id);
  }

 private:
  void cut(Key start, RuleSets::Id id);
  std::vector<Key> starts_;         ///< ascending; interval i ends before starts_[i + 1]
  std::vector<RuleSets::Id> ids_;
};

class AddressTable {
 public:
  void build(const std::vector<AddressRule>& rules, RuleSets& sets);
  [[nodiscard]] RuleSets::Id find(const base::IpAddress& address) const noexcept;
  [[nodiscard]] bool is_empty() const noexcept { return is_empty_; }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return v4_.memory_bytes() + v6_.memory_bytes(); }

 private:
  IntervalTable<std::uint32_t> v4_;
  IntervalTable<unsigned __int128> v6_;
  bool is_empty_ = true;
};

}  // namespace rampart::blocklists
