#include "control/upstream_overview.h"

#include <future>
#include <map>
#include <utility>

namespace rampart::control {
namespace {

constexpr auto kStatusWait = std::chrono::seconds(2);  // only a stuck worker takes so long

}  // namespace

UpstreamOverview overview_of_upstreams(const std::vector<std::unique_ptr<resolver::Worker>>& workers) {
  using Statuses = std::vector<resolver::UpstreamStatus>;
  std::vector<std::future<Statuses>> waiting;
  for (const auto& worker : workers) {
    auto promise = std::make_shared<std::promise<Statuses>>();
    waiting.push_back(promise->get_future());
    worker->post([&worker = *worker, promise] { promise->set_value(worker.forwarder().status(base::monotonic_now())); });
  }
  struct Sum {
    bool is_down = false;
    double seconds = 0;
    unsigned measured = 0;
  };
  std::map<std::pair<std::string, std::string>, Sum> sums;
  UpstreamOverview overview;
  const auto deadline = std::chrono::steady_clock::now() + kStatusWait;
  for (auto& future : waiting) {
    if (future.wait_until(deadline) != std::future_status::ready) {
      overview.is_complete = false;
      continue;
    }
    for (const auto& status : future.get()) {
      Sum& sum = sums[{status.group, status.upstream}];
      sum.is_down |= status.is_down;
      if (status.round_trip.count() == 0) continue;
      sum.seconds += std::chrono::duration<double>(status.round_trip).count();
      ++sum.measured;
    }
  }
  for (const auto& [key, sum] : sums) {
    UpstreamOverview::One one{key.first, key.second, sum.is_down, {}};
    if (sum.measured != 0) one.round_trip_s = sum.seconds / sum.measured;
    overview.upstreams.push_back(std::move(one));
  }
  return overview;
}

}  // namespace rampart::control
