// A whole data plane on virtual time: the real worker with its pipeline, cache and forwarder, built from a real
// configuration, in the thread of the scenario. Only listeners and lists from the net are missing; the upstreams
// are played by the scenario.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/snapshot.h"
#include "control/config_loader.h"
#include "control/policy_builder.h"
#include "resolver/worker.h"
#include "tests/scenario/scripted_upstream.h"

namespace rampart::test {

/// A client's query and what became of it.
struct ClientQuery {
  bool is_done = false;
  Bytes response;  ///< empty: it was dropped
  storage::Reason reason{};
  std::chrono::nanoseconds took{};
};

class ScenarioWorld {
 public:
  /// `{A}` in the configuration stands for the address of upstream A. Throws with words if it is refused.
  ScenarioWorld(std::string config, const std::vector<std::string>& upstreams);
  ~ScenarioWorld();

  /// Takes over another configuration, as a reload does.
  void reload(std::string config);
  std::shared_ptr<ClientQuery> ask(const Bytes& wire, const std::string& client, resolver::Protocol protocol);
  /// Lets everything happen that can happen at this moment.
  void settle();
  /// Lets time pass, in steps small enough that timers fire at their time and upstreams answer in between.
  void pass(std::chrono::nanoseconds time);
  /// Settles until it is true; false after five real seconds.
  bool wait_until(const std::function<bool()>& condition);

  ScriptedUpstream& upstream(const std::string& name) { return *upstreams_.at(name); }
  [[nodiscard]] bool has_upstream(const std::string& name) const { return upstreams_.count(name) != 0; }
  /// By its name in ForwarderCounters or WorkerCounters, or `cache_entries`; throws if there is none.
  [[nodiscard]] std::uint64_t counter(const std::string& name) const;

 private:
  void publish(std::string config);

  std::map<std::string, std::unique_ptr<ScriptedUpstream>> upstreams_;
  base::HashKey key_;
  control::Config config_;
  control::PolicyBuilder policies_;
  base::Published<resolver::PolicySnapshot> published_;
  std::unique_ptr<resolver::Cache> cache_;
  std::unique_ptr<resolver::Worker> worker_;
};

}  // namespace rampart::test
