#include "blocklists/address_table.h"

#include <algorithm>

#include "base/bytes.h"

namespace rampart::blocklists {
namespace {

std::uint32_t v4_number(const base::IpAddress& address) noexcept { return base::load_u32(address.mapped().data() + 12); }

unsigned __int128 v6_number(const base::IpAddress& address) noexcept {
  unsigned __int128 number = 0;
  for (const std::uint8_t octet : address.mapped()) number = (number << 8) | octet;
  return number;
}

template <class Key>
Key last_of(Key first, unsigned prefix) noexcept {
  constexpr unsigned kBits = sizeof(Key) * 8;
  return prefix >= kBits ? first : first | (static_cast<Key>(~Key{0}) >> prefix);
}

}  // namespace

template <class Key>
void IntervalTable<Key>::cut(Key start, RuleSets::Id id) {
  if (!starts_.empty() && starts_.back() == start) {
    ids_.back() = id;
  } else {
    starts_.push_back(start);
    ids_.push_back(id);
  }
}

template <class Key>
void IntervalTable<Key>::build(std::vector<Interval> intervals, RuleSets& sets) {
  std::sort(intervals.begin(), intervals.end(), [](const Interval& a, const Interval& b) {
    return a.first != b.first ? a.first < b.first : a.last > b.last;
  });
  std::vector<Interval> open;  // from the widest to the narrowest that contain the current place
  std::vector<Claim> claims;
  const auto open_set = [&] {
    claims.clear();
    for (const Interval& interval : open) claims.push_back(interval.claim);
    return sets.intern(claims);
  };
  const auto close_until = [&](Key place, bool all) {
    while (!open.empty() && (all || open.back().last < place)) {
      const Key last = open.back().last;
      while (!open.empty() && open.back().last == last) open.pop_back();
      if (last != static_cast<Key>(~Key{0})) cut(last + 1, open_set());
    }
  };
  for (std::size_t i = 0; i < intervals.size();) {
    close_until(intervals[i].first, false);
    const Key first = intervals[i].first;
    for (; i < intervals.size() && intervals[i].first == first; ++i) open.push_back(intervals[i]);
    // Ranges with the same start: the narrower ones end earlier and are closed one after the other.
    cut(first, open_set());
  }
  close_until(Key{0}, true);
  starts_.shrink_to_fit();
  ids_.shrink_to_fit();
}

template <class Key>
RuleSets::Id IntervalTable<Key>::find(Key key) const noexcept {
  const auto after = std::upper_bound(starts_.begin(), starts_.end(), key);
  return after == starts_.begin() ? RuleSets::kNone : ids_[static_cast<std::size_t>(after - starts_.begin()) - 1];
}

void AddressTable::build(const std::vector<AddressRule>& rules, RuleSets& sets) {
  std::vector<IntervalTable<std::uint32_t>::Interval> v4;
  std::vector<IntervalTable<unsigned __int128>::Interval> v6;
  for (const AddressRule& rule : rules) {
    if (rule.range.base.is_v4()) {
      const std::uint32_t first = v4_number(rule.range.base);
      v4.push_back({first, last_of(first, rule.range.prefix), rule.claim});
    } else {
      const unsigned __int128 first = v6_number(rule.range.base);
      v6.push_back({first, last_of(first, rule.range.prefix), rule.claim});
    }
  }
  is_empty_ = rules.empty();
  v4_.build(std::move(v4), sets);
  v6_.build(std::move(v6), sets);
}

RuleSets::Id AddressTable::find(const base::IpAddress& address) const noexcept {
  return address.is_v4() ? v4_.find(v4_number(address)) : v6_.find(v6_number(address));
}

}  // namespace rampart::blocklists
