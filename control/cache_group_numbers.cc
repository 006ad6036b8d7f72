#include "control/cache_group_numbers.h"

#include <algorithm>

namespace rampart::control {

std::vector<std::uint32_t> CacheGroupNumbers::deal(std::span<const resolver::UpstreamGroup> groups) {
  std::vector<Known> now;
  std::vector<std::uint32_t> numbers;
  for (const auto& group : groups) {
    const auto same = std::find_if(known_.begin(), known_.end(), [&](const Known& known) {
      return known.name == group.name && known.upstreams == group.upstreams;
    });
    now.push_back({group.name, group.upstreams, same == known_.end() ? next_++ : same->number});
    numbers.push_back(now.back().number);
  }
  known_ = std::move(now);
  return numbers;
}

}  // namespace rampart::control
