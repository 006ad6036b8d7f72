// A ControlPlane without a server behind it: remembers what was asked of it, and answers what the test has set.
#pragma once

#include <algorithm>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "control/control_plane.h"
#include "control/metrics.h"
#include "control/statistics.h"

namespace rampart::test {

class FakeControlPlane : public control::ControlPlane {
 public:
  control::BlockingStatus status;
  std::vector<std::string> known_groups = {"ads", "malware", "default"};
  base::Status refresh_result = base::Done{};
  base::Status flush_result = base::Done{};
  base::Result<control::QueryOutcome, std::string> query_result =
      control::QueryOutcome{"RESOLVED (udp:192.0.2.53)", "A (192.0.2.7)", "RESOLVED", "NOERROR"};
  std::optional<control::StatsReport> stats_report;
  control::HealthReport health_report{true, {}};
  control::MetricsSnapshot metrics;
  std::vector<std::uint8_t> wire_response;
  std::function<void()> during_refresh;  ///< runs inside refresh_lists()
  std::function<void()> during_flush;    ///< runs inside flush_cache()

  [[nodiscard]] std::vector<std::string> calls() const {
    const std::lock_guard lock(mutex_);
    return calls_;
  }
  [[nodiscard]] control::QueryCommand last_command() const {
    const std::lock_guard lock(mutex_);
    return command_;
  }

  control::BlockingStatus blocking_status() override {
    const std::lock_guard lock(mutex_);
    return status;
  }
  base::Status enable_blocking() override {
    note("enable");
    const std::lock_guard lock(mutex_);
    status = {};
    return base::Done{};
  }
  base::Status disable_blocking(std::chrono::milliseconds duration, const std::vector<std::string>& groups) override {
    std::string call = "disable " + std::to_string(duration.count()) + "ms";
    for (const auto& group : groups) {
      if (std::find(known_groups.begin(), known_groups.end(), group) == known_groups.end()) {
        return base::Error{"group '" + group + "' is unknown"};
      }
      call += " " + group;
    }
    note(call);
    const std::lock_guard lock(mutex_);
    status.enabled = false;
    status.disabled_groups = groups.empty() ? known_groups : groups;
    status.auto_enable_in_s = static_cast<std::uint32_t>(duration.count() / 1000);
    return base::Done{};
  }
  base::Status refresh_lists() override {
    note("refresh");
    if (during_refresh) during_refresh();
    return refresh_result;
  }
  base::Status flush_cache() override {
    note("flush");
    if (during_flush) during_flush();
    return flush_result;
  }
  base::Result<control::QueryOutcome, std::string> query(const control::QueryCommand& command) override {
    remember("query", command);
    return query_result;
  }
  base::Result<control::Explanation, std::string> explain(const control::QueryCommand& command) override {
    remember("explain", command);
    if (!query_result) return base::Error{query_result.error()};
    control::Explanation out;
    out.name = command.name;
    out.type = std::to_string(command.type);
    out.client = command.client.to_string();
    out.groups = {"default"};
    out.steps = {{"block lists", "no match", ""}, {"upstream", "answered", "udp:192.0.2.53"}};
    out.answer = *query_result;
    return out;
  }
  void resolve(base::ByteView message, const base::IpAddress& client, std::string_view client_id, bool tls,
               WireDone done) override {
    control::QueryCommand command;
    command.client = client;
    command.client_id = client_id;
    remember(std::string(tls ? "resolve-tls " : "resolve ") + std::to_string(message.size()), command);
    done(wire_response);
  }
  std::optional<control::StatsReport> stats() override { return stats_report; }
  control::HealthReport health() override { return health_report; }
  void collect(control::MetricsSnapshot& into) override { into = metrics; }

 private:
  void note(std::string call) {
    const std::lock_guard lock(mutex_);
    calls_.push_back(std::move(call));
  }
  void remember(std::string call, const control::QueryCommand& command) {
    const std::lock_guard lock(mutex_);
    calls_.push_back(std::move(call));
    command_ = command;
  }

  mutable std::mutex mutex_;
  std::vector<std::string> calls_;
  control::QueryCommand command_;
};

}  // namespace rampart::test
