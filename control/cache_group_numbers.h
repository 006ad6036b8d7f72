// The numbers under which the cache knows groups of upstreams (resolver::ClientTable::cache_groups). A group keeps
// its number from one configuration to the next as long as its name and its upstreams stay the same, and no number
// is ever given again: what one group's upstreams said cannot become another's answer.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "resolver/upstream_set.h"

namespace rampart::control {

class CacheGroupNumbers {
 public:
  /// One number for each group. Groups that are not among them are forgotten.
  [[nodiscard]] std::vector<std::uint32_t> deal(std::span<const resolver::UpstreamGroup> groups);

 private:
  struct Known {
    std::string name;
    std::vector<resolver::UpstreamSpec> upstreams;
    std::uint32_t number = 0;
  };
  std::vector<Known> known_;
  std::uint32_t next_ = 0;  ///< of four billion: a hundred new groups each second, for a year
};

}  // namespace rampart::control
