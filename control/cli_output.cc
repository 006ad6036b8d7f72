#include "control/cli_output.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <vector>

namespace rampart::control {
namespace {

using Json = nlohmann::ordered_json;

/// Runs `print` on the parsed body; any member that is missing or of another type is one error.
template <class Print>
CliText with_json(std::string_view body, Print print) {
  try {
    return print(Json::parse(body));
  } catch (const Json::exception& e) {
    return base::Error{std::string("the server's answer is not understood: ") + e.what()};
  }
}

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

void title(std::string& out, const std::string& text) { out += "\n" + text + "\n"; }

void row(std::string& out, const std::string& name, const std::string& value) {
  constexpr std::size_t kNameWidth = 40;
  out += "  " + padded(name, kNameWidth) + " " + value + "\n";
}

void table(std::string& out, const std::string& heading, const std::vector<std::pair<std::string, std::uint64_t>>& rows) {
  title(out, heading);
  if (rows.empty()) out += "  (none)\n";
  for (const auto& [name, count] : rows) row(out, name, with_separators(count));
}

/// The members of an object, highest count first.
std::vector<std::pair<std::string, std::uint64_t>> counts(const Json& object) {
  std::vector<std::pair<std::string, std::uint64_t>> out;
  for (const auto& [key, value] : object.items()) out.emplace_back(key, value.get<std::uint64_t>());
  std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  return out;
}

std::vector<std::pair<std::string, std::uint64_t>> named(const Json& array) {
  std::vector<std::pair<std::string, std::uint64_t>> out;
  for (const auto& one : array) out.emplace_back(one.at("name").get<std::string>(), one.at("count").get<std::uint64_t>());
  return out;
}

std::string fixed(double value, int digits) {
  char buffer[64];
  std::snprintf(buffer, sizeof(buffer), "%.*f", digits, value);
  return buffer;
}

std::string joined(const Json& array, const char* separator) {
  std::string out;
  for (const auto& one : array) out += (out.empty() ? "" : separator) + one.get<std::string>();
  return out;
}

}  // namespace

std::string with_separators(std::uint64_t value) {
  std::string digits = std::to_string(value);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

CliText blocking_status_text(std::string_view body) {
  return with_json(body, [](const Json& json) -> CliText {
    if (json.at("enabled").get<bool>()) return std::string("blocking enabled\n");
    const std::string groups = json.contains("disabledGroups") ? joined(json["disabledGroups"], "; ") : "";
    const auto seconds = json.value("autoEnableInSec", std::uint64_t{0});
    if (seconds == 0) return "blocking disabled for groups: " + groups + "\n";
    return "blocking disabled for groups: '" + groups + "', for " + std::to_string(seconds) + " seconds\n";
  });
}

CliText query_text(std::string_view body, std::string_view name, std::string_view type) {
  return with_json(body, [&](const Json& json) -> CliText {
    const auto line = [&](const char* label, const char* member) {
      constexpr std::size_t kValueWidth = 20;  // right-aligned, as Blocky prints it
      const auto value = json.at(member).get<std::string>();
      return std::string("\t") + label + std::string(value.size() < kValueWidth ? kValueWidth - value.size() : 0, ' ') +
             value + "\n";
    };
    return "Query result for '" + std::string(name) + "' (" + std::string(type) + "):\n" +
           line("reason:        ", "reason") + line("response type: ", "responseType") +
           line("response:      ", "response") + line("return code:   ", "returnCode");
  });
}

CliText stats_text(std::string_view body) {
  return with_json(body, [](const Json& json) -> CliText {
    std::string out = "Window\n";
    row(out, "from", json.at("start").get<std::string>());
    row(out, "to", json.at("end").get<std::string>());
    const Json& summary = json.at("summary");
    title(out, "Summary");
    for (const char* member : {"queries", "cached", "forwarded", "blocked", "filtered", "local", "dropped", "errors"}) {
      row(out, member, with_separators(summary.at(member).get<std::uint64_t>()));
    }
    row(out, "average response", fixed(summary.at("avgResponseMs").get<double>(), 2) + " ms");
    row(out, "cache hit rate", fixed(summary.at("cacheHitRate").get<double>() * 100, 1) + " %");
    table(out, "Top Domains", named(json.at("topDomains")));
    table(out, "Top Blocked", named(json.at("topBlockedDomains")));
    table(out, "Top Clients", named(json.at("topClients")));
    table(out, "By Query Type", counts(json.at("byQueryType")));
    table(out, "By Response Code", counts(json.at("byResponseCode")));
    table(out, "By Response Type", counts(json.at("byResponseType")));
    title(out, "Cache");
    row(out, "entries", with_separators(json.at("cache").at("entries").get<std::uint64_t>()));
    table(out, "Lists (denylist)", counts(json.at("lists").at("denylist")));
    table(out, "Lists (allowlist)", counts(json.at("lists").at("allowlist")));
    return out;
  });
}

CliText status_text(std::string_view body) {
  return with_json(body, [](const Json& json) -> CliText {
    std::string out = (json.at("ready").get<bool>() ? "ready, " : "not ready, ") + json.at("status").get<std::string>() + "\n";
    if (!json.contains("components"))
      return out + "how each part is doing is told only to who may read the API: give --apiToken or RAMPART_API_TOKEN\n";
    const Json& components = json["components"];
    std::vector<std::string> names;
    for (const auto& [name, one] : components.items()) names.push_back(name);
    // What a health document always speaks of, also when a server has nothing to say about it.
    for (const char* name : {"redis"})
      if (!components.contains(name)) names.push_back(name);
    for (const std::string& name : names) {
      constexpr std::size_t kNameWidth = 12, kStateWidth = 10;
      const Json one = components.value(name, Json{{"state", "off"}});
      const auto state = one.at("state").get<std::string>();
      out += "  " + padded(name, kNameWidth) + " " + padded(state == "off" ? "not configured" : state, kStateWidth);
      if (one.value("required", false)) out += " required";
      if (one.contains("since") && state != "off") out += " since " + one["since"].get<std::string>();
      std::string counts;
      for (const auto& [key, value] : one.items())
        if (value.is_number() && state != "off")
          counts += (counts.empty() ? " " : ", ") + key + " " + fixed(value.get<double>(), value.get<double>() == std::floor(value.get<double>()) ? 0 : 1);
      out += counts + "\n";
      if (one.contains("lastError")) {
        std::string line = std::string(kNameWidth + 3, ' ') + "last error";
        if (one.contains("lastErrorAt")) line += " at " + one["lastErrorAt"].get<std::string>();
        out += line + ": " + one["lastError"].get<std::string>() + "\n";
      }
    }
    return out;
  });
}

CliText explain_text(std::string_view body) {
  return with_json(body, [](const Json& json) -> CliText {
    std::string out = json.at("name").get<std::string>() + " " + json.at("type").get<std::string>() + " for " +
                      json.at("client").get<std::string>() + "\n";
    row(out, "client names", json.at("clientNames").empty() ? "(none)" : joined(json["clientNames"], ", "));
    row(out, "groups", json.at("groups").empty() ? "(none)" : joined(json["groups"], ", "));
    title(out, "Steps");
    int number = 0;
    for (const auto& step : json.at("steps")) {
      const auto detail = step.at("detail").get<std::string>();
      row(out, std::to_string(++number) + ". " + step.at("stage").get<std::string>(),
          step.at("outcome").get<std::string>() + (detail.empty() ? "" : ": " + detail));
    }
    if (json.contains("rules") && !json["rules"].empty()) {
      title(out, "Rules");
      for (const auto& rule : json["rules"]) {
        row(out, rule.at("group").get<std::string>() + ": " + rule.at("action").get<std::string>(),
            rule.at("rule").get<std::string>());
        const bool has_line = rule.contains("line");
        row(out, "", rule.at("list").get<std::string>() +
                         (has_line ? ", line " + std::to_string(rule["line"].get<std::uint64_t>()) : ""));
        if (rule.contains("place")) row(out, "", rule["place"].get<std::string>());
        if (rule.contains("text")) row(out, "", "'" + rule["text"].get<std::string>() + "'");
        if (rule.contains("note")) row(out, "", rule["note"].get<std::string>());
      }
    }
    const Json& answer = json.at("answer");
    title(out, "Answer");
    for (const char* member : {"returnCode", "responseType", "reason", "response"}) {
      row(out, member, answer.at(member).get<std::string>());
    }
    return out;
  });
}

}  // namespace rampart::control
