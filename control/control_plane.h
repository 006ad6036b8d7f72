// The narrow door between everything that speaks HTTP or reports (REST API, metrics, health, statistics) and the
// running server behind it. The HTTP side knows only this interface, so it is tested against a fake, and no HTTP
// client can reach anything of the query path that is not listed here.
//
// Thread: every function may be called from several threads at once, never from a worker. Calls may block for as
// long as they say; none holds up the query path. Errors are texts for people, with place and cure.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/ip_address.h"
#include "base/result.h"
#include "base/time.h"

namespace rampart::control {

struct MetricsSnapshot;  // control/metrics.h
struct StatsReport;      // control/statistics.h

/// Blocking on or off, for all or for some groups.
struct BlockingStatus {
  bool enabled = true;  ///< false also while only some groups are disabled
  std::vector<std::string> disabled_groups;
  std::uint32_t auto_enable_in_s = 0;  ///< 0: until somebody enables it
};

/// One question asked on behalf of `client`, taken through the whole chain.
struct QueryCommand {
  std::string name;  ///< presentation format, final dot optional
  std::uint16_t type = 1;
  base::IpAddress client;
  std::string client_id;  ///< from Host `id-<client_id>.…`; empty: none
};

/// What became of it, in Blocky's words.
struct QueryOutcome {
  std::string reason;         ///< "RESOLVED (tcp+udp:192.0.2.1)", "BLOCKED (ads: example.org)"
  std::string response;       ///< answer text as in the query log: "A (192.0.2.7)"
  std::string response_type;  ///< "RESOLVED"
  std::string return_code;    ///< "NOERROR"
};

/// A rule that decided, with the place where it is written.
struct ExplainedRule {
  std::string group;
  std::string action;  ///< "deny", "allow"
  std::string kind;    ///< "exact", "wildcard", "regex", "address"
  std::string rule;    ///< `example.org`, `*.example.org`, `/regex/`, `192.0.2.0/24`
  std::string list;    ///< URL, path, or the first words of inline text
  std::string place;   ///< of the list in the configuration: `blocking.denylists.ads[0]`; empty: unknown
  std::uint64_t line = 0;  ///< within the list's text, from 1; 0: not found, `note` says why
  std::string text;        ///< of that line
  std::string note;
};

/// The decision in steps, as the pipeline really takes them.
struct Explanation {
  struct Step {
    std::string stage;    ///< "client", "groups", "custom DNS", "block lists", "cache", "upstream", ...
    std::string outcome;  ///< "no match", "denied", "hit", ...
    std::string detail;   ///< rule, list, upstream, TTL
  };
  std::string name, type, client;
  std::vector<std::string> client_names, groups;
  std::vector<Step> steps;
  std::vector<ExplainedRule> rules;  ///< that denied or allowed, one for each group
  QueryOutcome answer;
};

/// How one part of the server is doing.
enum class ComponentState : std::uint8_t {
  kOk,
  kDegraded,  ///< works on last good data or a fallback
  kFailed,    ///< does not work; what needs it is not given
  kOff,       ///< not configured
};

struct ComponentHealth {
  std::string component;  ///< "upstreams", "lists", "queryLog", "redis", "certificate", "memory", ...
  ComponentState state = ComponentState::kOk;
  base::WallTime since{};               ///< when it entered this state
  std::string last_error;               ///< empty: none so far
  std::map<std::string, double> values;  ///< "ageSeconds", "daysLeft", "bytes"; names in camelCase
  bool required = false;                ///< by the policy in configuration: kFailed makes the server not ready
};

struct HealthReport {
  bool answering = false;  ///< listeners are open and a policy is in force
  std::vector<ComponentHealth> components;
};

class ControlPlane {
 public:
  virtual ~ControlPlane() = default;

  [[nodiscard]] virtual BlockingStatus blocking_status() = 0;
  [[nodiscard]] virtual base::Status enable_blocking() = 0;
  /// `duration` 0: until enabled. `groups` empty: all. An unknown group changes nothing: "group 'x' is unknown".
  [[nodiscard]] virtual base::Status disable_blocking(std::chrono::milliseconds duration,
                                                      const std::vector<std::string>& groups) = 0;

  /// Returns when the refresh has finished (minutes are possible); a call while one is running joins it.
  [[nodiscard]] virtual base::Status refresh_lists() = 0;
  [[nodiscard]] virtual base::Status flush_cache() = 0;

  /// Returns at the latest when the chain's own deadlines have passed.
  [[nodiscard]] virtual base::Result<QueryOutcome, std::string> query(const QueryCommand& command) = 0;
  [[nodiscard]] virtual base::Result<Explanation, std::string> explain(const QueryCommand& command) = 0;

  /// A DNS message that came over HTTP/1.1 (DoH). `done` is called exactly once, on any thread, with the response
  /// message, or with an empty one when the query is to be dropped. Must not block.
  using WireDone = std::function<void(std::vector<std::uint8_t> response)>;
  virtual void resolve(base::ByteView message, const base::IpAddress& client, std::string_view client_id, bool tls,
                       WireDone done) = 0;

  /// nullopt: statistics are disabled.
  [[nodiscard]] virtual std::optional<StatsReport> stats() = 0;
  [[nodiscard]] virtual HealthReport health() = 0;
  /// Fills a consistent-enough copy of all counters; reads them only, so it costs the workers nothing.
  virtual void collect(MetricsSnapshot& into) = 0;
};

}  // namespace rampart::control
