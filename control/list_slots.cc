#include "control/list_slots.h"

namespace rampart::control {

resolver::ListSlots ListSlotTable::deal(const blocklists::FilterSet& filter) {
  std::vector<std::uint16_t> by_source;
  by_source.reserve(filter.sources().size());
  for (const auto& source : filter.sources()) {
    ListIdentity identity{source.name, filter.groups()[source.group], source.action};
    auto found = slots_.find(identity);
    if (found == slots_.end() && slots_.size() < resolver::kOtherLists)
      found = slots_.emplace(std::move(identity), static_cast<std::uint16_t>(slots_.size())).first;
    by_source.push_back(found == slots_.end() ? resolver::kOtherLists : found->second);
  }
  return resolver::ListSlots(std::move(by_source));
}

}  // namespace rampart::control
