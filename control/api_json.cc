#include "control/api_json.h"

#include <ctime>
#include <nlohmann/json.hpp>

namespace rampart::control {
namespace {

using Json = nlohmann::ordered_json;

/// Names come from clients and lists: octets that are not UTF-8 are replaced, never thrown about.
std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json named(const std::vector<NamedCount>& rows) {
  Json out = Json::array();
  for (const auto& row : rows) out.push_back(Json{{"name", row.name}, {"count", row.count}});
  return out;
}

template <class Map>
Json object(const Map& map) {
  Json out = Json::object();
  for (const auto& [key, value] : map) out[key] = value;
  return out;
}

Json outcome_json(const QueryOutcome& outcome) {
  return Json{{"reason", outcome.reason},
              {"response", outcome.response},
              {"responseType", outcome.response_type},
              {"returnCode", outcome.return_code}};
}

}  // namespace

std::string rfc3339(base::WallTime time) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char buffer[32];
  return {buffer, std::strftime(buffer, sizeof(buffer), "%Y-%m-%dT%H:%M:%SZ", &parts)};
}

std::string_view to_text(ComponentState state) {
  switch (state) {
    case ComponentState::kOk: return "ok";
    case ComponentState::kDegraded: return "degraded";
    case ComponentState::kFailed: return "failed";
    case ComponentState::kOff: return "off";
  }
  return "";
}

bool is_ready(const HealthReport& report) {
  if (!report.answering) return false;
  for (const auto& component : report.components) {
    if (component.required && component.state == ComponentState::kFailed) return false;
  }
  return true;
}

std::string to_json(const BlockingStatus& status) {
  Json out;
  if (status.auto_enable_in_s != 0) out["autoEnableInSec"] = status.auto_enable_in_s;
  if (!status.disabled_groups.empty()) out["disabledGroups"] = status.disabled_groups;
  out["enabled"] = status.enabled;
  return dump(out);
}

std::string to_json(const QueryOutcome& outcome) { return dump(outcome_json(outcome)); }

std::string to_json(const Explanation& e) {
  Json steps = Json::array();
  for (const auto& step : e.steps) {
    steps.push_back(Json{{"stage", step.stage}, {"outcome", step.outcome}, {"detail", step.detail}});
  }
  Json rules = Json::array();
  for (const auto& rule : e.rules) {
    Json one{{"group", rule.group}, {"action", rule.action}, {"kind", rule.kind}, {"rule", rule.rule}, {"list", rule.list}};
    if (!rule.place.empty()) one["place"] = rule.place;
    if (rule.line != 0) one["line"] = rule.line;
    if (!rule.text.empty()) one["text"] = rule.text;
    if (!rule.note.empty()) one["note"] = rule.note;
    rules.push_back(std::move(one));
  }
  return dump(Json{{"name", e.name},
                   {"type", e.type},
                   {"client", e.client},
                   {"clientNames", e.client_names},
                   {"groups", e.groups},
                   {"steps", std::move(steps)},
                   {"rules", std::move(rules)},
                   {"answer", outcome_json(e.answer)}});
}

std::string to_json(const StatsReport& r) {
  Json hours = Json::array();
  for (const auto& row : r.per_hour) {
    hours.push_back(Json{{"hour", rfc3339(row.hour)},
                         {"queries", row.queries},
                         {"blocked", row.blocked},
                         {"filtered", row.filtered}});
  }
  Json out;
  out["start"] = rfc3339(r.start);
  out["end"] = rfc3339(r.end);
  out["summary"] = Json{{"queries", r.queries},   {"cached", r.cached},
                        {"forwarded", r.forwarded}, {"blocked", r.blocked},
                        {"filtered", r.filtered}, {"local", r.local},
                        {"dropped", r.dropped},   {"errors", r.errors},
                        {"avgResponseMs", r.average_response_ms}, {"cacheHitRate", r.cache_hit_rate}};
  out["byResponseType"] = object(r.by_response_type);
  out["byQueryType"] = object(r.by_query_type);
  out["byResponseCode"] = object(r.by_response_code);
  out["perHour"] = std::move(hours);
  out["topDomains"] = named(r.top_domains);
  out["topBlockedDomains"] = named(r.top_blocked_domains);
  out["topClients"] = named(r.top_clients);
  out["lists"] = Json{{"denylist", object(r.denylist_entries)}, {"allowlist", object(r.allowlist_entries)}};
  out["cache"] = Json{{"entries", r.cache_entries}};
  return dump(out);
}

std::string to_json(const HealthReport& report, bool with_details) {
  bool all_well = report.answering;
  for (const auto& c : report.components) {
    all_well = all_well && (c.state == ComponentState::kOk || c.state == ComponentState::kOff);
  }
  const bool ready = is_ready(report);
  Json out{{"ready", ready}, {"status", !ready ? "failed" : all_well ? "ok" : "degraded"}};
  if (with_details) {
    Json components = Json::object();
    for (const auto& c : report.components) {
      Json one{{"state", to_text(c.state)}, {"required", c.required}};
      if (c.since != base::WallTime{}) one["since"] = rfc3339(c.since);
      if (!c.last_error.empty()) one["lastError"] = c.last_error;
      for (const auto& [key, value] : c.values) one[key] = value;
      components[c.component] = std::move(one);
    }
    out["components"] = std::move(components);
  }
  return dump(out);
}

}  // namespace rampart::control
