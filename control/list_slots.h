// The names behind the slots in which workers count the hits of lists (resolver/list_hits.h). A list keeps its slot for
// the life of the process, also while a reload has it elsewhere or nowhere.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "blocklists/filter_set.h"
#include "resolver/list_hits.h"

namespace rampart::control {

struct ListIdentity {
  std::string list;  ///< URL, path, or the first words of inline text
  std::string group;
  blocklists::Action action{};
  friend auto operator<=>(const ListIdentity&, const ListIdentity&) = default;
};

class ListSlotTable {
 public:
  /// New lists get the next free slot, or resolver::kOtherLists when there is none.
  [[nodiscard]] resolver::ListSlots deal(const blocklists::FilterSet& filter);
  [[nodiscard]] const std::map<ListIdentity, std::uint16_t>& slots() const noexcept { return slots_; }

 private:
  std::map<ListIdentity, std::uint16_t> slots_;
};

}  // namespace rampart::control
