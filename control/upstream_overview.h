// How upstreams stand for the server as a whole. Each worker has its own view of each upstream, from its own queries; one
// that finds an upstream down asks it again and again until it answers, so its view is fresh, while a worker without
// queries knows nothing: an upstream is down if any worker finds it so.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "resolver/worker.h"

namespace rampart::control {

struct UpstreamOverview {
  struct One {
    std::string group, upstream;
    bool is_down = false;
    std::optional<double> round_trip_s;  ///< mean of what workers measured
  };
  std::vector<One> upstreams;   ///< by group and name
  bool is_complete = true;      ///< false: a worker did not react in time
};

/// Costs each worker the copying of a few names. Waits at most two seconds; not from a worker.
[[nodiscard]] UpstreamOverview overview_of_upstreams(const std::vector<std::unique_ptr<resolver::Worker>>& workers);

}  // namespace rampart::control
