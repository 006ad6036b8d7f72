// How often each list decided: a worker counts by slot, since places in the configuration change with a reload while a
// counter must not change its meaning. The control side deals out the slots and knows their names.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/counter.h"

namespace rampart::resolver {

/// Configurations have some ten lists; the last slot counts all for which none was left. 4 KiB for each worker.
inline constexpr std::size_t kListSlots = 512;
inline constexpr std::uint16_t kOtherLists = kListSlots - 1;

using ListHits = std::array<base::Counter, kListSlots>;

/// Slots by the index of FilterSet::sources().
class ListSlots {
 public:
  ListSlots() = default;
  explicit ListSlots(std::vector<std::uint16_t> by_source) : by_source_(std::move(by_source)) {}
  [[nodiscard]] std::uint16_t of(std::uint16_t source) const noexcept {
    return source < by_source_.size() ? by_source_[source] : kOtherLists;
  }

 private:
  std::vector<std::uint16_t> by_source_;
};

}  // namespace rampart::resolver
