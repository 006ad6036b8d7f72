#include "control/policy_test.h"

#include <algorithm>

#include "control/config_tree.h"
#include "control/local_moment.h"
#include "dns/name.h"
#include "dns/presentation.h"

namespace rampart::control {
namespace {

const std::vector<std::string> kTopKeys = {"config", "expectations"};
const std::vector<std::string> kKeys = {"name", "names", "client", "group", "groups", "type",
                                        "at",   "expect", "answer", "reason"};

void check_keys(const ConfigNode& map, const std::vector<std::string>& known, const std::string& where,
    Findings& findings) {
  for (const auto& entry : map.entries) {
    if (std::find(known.begin(), known.end(), entry.key) != known.end()) continue;
    const std::string near = nearest(entry.key, known);
    std::string all;
    for (const auto& key : known) all += (all.empty() ? "" : ", ") + key;
    findings.fault(entry.place, where + entry.key,
                   "unknown key" + (near.empty() ? std::string() : " (is `" + near + "` meant?)") + "; known are "
                       + all);
  }
}

/// A scalar, or nothing with a fault.
std::optional<std::string> scalar(const ConfigNode& map, const char* key, const std::string& where,
    Findings& findings) {
  const auto* entry = map.find(key);
  if (entry == nullptr || entry->value->is_null()) return std::nullopt;
  if (entry->value->is_scalar()) return entry->value->text;
  findings.fault(entry->value->place, where + key, "found " + describe(*entry->value) + "; write one value");
  return std::nullopt;
}

/// One value under `one`, or a list (or one value) under `many`.
std::vector<std::string> values(const ConfigNode& map, const char* one, const char* many, const std::string& where,
                                Findings& findings) {
  std::vector<std::string> out;
  for (const char* key : {one, many}) {
    const auto* entry = map.find(key);
    if (entry == nullptr || entry->value->is_null()) continue;
    if (entry->value->is_scalar()) out.push_back(entry->value->text);
    for (const auto& item : entry->value->items) {
      if (item->is_scalar()) out.push_back(item->text);
      else findings.fault(item->place, where + key, "found " + describe(*item) + "; write one value");
    }
    if (entry->value->is_map())
      findings.fault(entry->value->place, where + key, "found a map; write a value or a list");
  }
  return out;
}

Expectation parse_one(const ConfigNode& map, const std::string& where, Findings& findings) {
  Expectation e;
  e.place = map.place;
  check_keys(map, kKeys, where, findings);
  const auto place_of = [&](const char* key) { return map.find(key) != nullptr ? map.find(key)->value->place
      : map.place; };
  e.names = values(map, "name", "names", where, findings);
  if (e.names.empty()) findings.fault(map.place, where + "name", "missing: which name is asked");
  for (const auto& name : e.names)
    if (!dns::Name::parse(name))
      findings.fault(place_of(map.find("name") != nullptr ? "name" : "names"), where + "name", quoted(name)
          + " is no domain name");
  e.client = scalar(map, "client", where, findings).value_or("");
  e.groups = values(map, "group", "groups", where, findings);
  if (e.client.empty() == e.groups.empty())
    findings.fault(map.place, where + "client",
                   "either `client` (an address or a name) or `group` (list groups) must say who asks");
  if (const auto type = scalar(map, "type", where, findings)) {
    const auto parsed = dns::parse_rr_type(*type);
    if (parsed) e.type = static_cast<std::uint16_t>(*parsed);
    else findings.fault(place_of("type"), where + "type", "unknown query type " + quoted(*type));
  }
  if (const auto at = scalar(map, "at", where, findings)) {
    const auto moment = parse_local_moment(*at);
    if (moment.ok()) e.at = *moment;
    else findings.fault(place_of("at"), where + "at", moment.error());
  }
  e.answer = scalar(map, "answer", where, findings).value_or("");
  e.reason = scalar(map, "reason", where, findings).value_or("");
  const auto expect = scalar(map, "expect", where, findings);
  if (!expect) findings.fault(map.place, where + "expect", "missing: blocked, allowed or answer");
  else if (*expect == "blocked") e.outcome = Expectation::Outcome::kBlocked;
  else if (*expect == "allowed") e.outcome = Expectation::Outcome::kAllowed;
  else if (*expect == "answer") e.outcome = Expectation::Outcome::kAnswer;
  else
    findings.fault(place_of("expect"), where + "expect", "found " + quoted(*expect)
        + "; allowed are blocked, allowed and answer");
  if (e.outcome == Expectation::Outcome::kAnswer && e.answer.empty())
    findings.fault(map.place, where + "answer",
        "missing: an address, text of the answer, or a return code such as NXDOMAIN");
  return e;
}

std::string outcome_text(const AnswerReport& report) {
  std::string text = report.outcome.response_type + ", " + report.outcome.reason;
  if (!report.outcome.return_code.empty()) text += ", " + report.outcome.return_code;
  if (!report.outcome.response.empty()) text += ", " + report.outcome.response;
  for (const auto& rule : report.rules) {
    text += "; " + rule.action + " by " + rule.rule + " of " + rule.list;
    if (rule.line != 0) text += " line " + std::to_string(rule.line);
  }
  return text;
}

bool is_blocked(const AnswerReport& report) {
  const std::string& type = report.outcome.response_type;
  return type == "BLOCKED" || type == "FILTERED" || type == "NOTFQDN";
}

bool is_met(const Expectation& e, const AnswerReport& report) {
  bool met = false;
  switch (e.outcome) {
    case Expectation::Outcome::kBlocked: met = is_blocked(report); break;
    case Expectation::Outcome::kAllowed: met = !is_blocked(report); break;
    case Expectation::Outcome::kAnswer:
      met = report.outcome.return_code == e.answer || report.outcome.response == e.answer ||
            report.outcome.response.find("(" + e.answer + ")") != std::string::npos;
      break;
  }
  if (!met || e.reason.empty()) return met;
  if (report.outcome.reason.find(e.reason) != std::string::npos) return true;
  return std::any_of(report.rules.begin(), report.rules.end(),
                     [&](const DecidingRule& rule) { return rule.rule.find(e.reason) != std::string::npos
                         || rule.list == e.reason; });
}

std::string expected_text(const Expectation& e) {
  std::string text = e.outcome == Expectation::Outcome::kBlocked   ? "blocked"
                     : e.outcome == Expectation::Outcome::kAllowed ? "allowed"
                                                                   : "the answer " + e.answer;
  if (!e.reason.empty()) text += " with reason '" + e.reason + "'";
  return text;
}

std::string who_text(const Expectation& e) {
  if (!e.client.empty()) return "client " + e.client;
  std::string text = "group ";
  for (std::size_t i = 0; i < e.groups.size(); ++i) text += (i == 0 ? "" : ", ") + e.groups[i];
  return text;
}

}  // namespace

base::Result<PolicyTests, std::vector<Fault>> parse_policy_tests(std::string_view text, const std::string& file) {
  Findings findings;
  PolicyTests tests;
  const Place top{std::make_shared<const std::string>(file), 1, 1};
  for (const auto& document : parse_yaml(text, file, findings)) {
    if (!document->is_map()) {
      findings.fault(document->place, "", "found " + describe(*document) + "; write `expectations:` and a list");
      continue;
    }
    check_keys(*document, kTopKeys, "", findings);
    if (const auto config = scalar(*document, "config", "", findings)) tests.config = *config;
    const auto* list = document->find("expectations");
    if (list == nullptr) continue;
    if (!list->value->is_list()) {
      findings.fault(list->value->place, "expectations", "found " + describe(*list->value) + "; write a list");
      continue;
    }
    for (std::size_t i = 0; i < list->value->items.size() && !findings.is_full(); ++i) {
      const ConfigNode& item = *list->value->items[i];
      const std::string where = "expectations[" + std::to_string(i) + "]";
      if (!item.is_map())
        findings.fault(item.place, where, "found " + describe(item) + "; write `name`, who asks, and `expect`");
      else if (tests.expectations.size() == kExpectationsMax)
        findings.fault(item.place, where, "more than " + std::to_string(kExpectationsMax)
            + " expectations; split the file");
      else tests.expectations.push_back(parse_one(item, where + ".", findings));
      if (tests.expectations.size() > kExpectationsMax) break;
    }
  }
  if (findings.faults().empty() && tests.expectations.empty())
    findings.fault(top, "expectations", "missing: a file without expectations tests nothing");
  if (!findings.faults().empty()) return base::Error{findings.take_faults()};
  return tests;
}

PolicyTestResult run_policy_tests(const PolicyTests& tests, PolicyTrial& trial) {
  PolicyTestResult result;
  for (const auto& e : tests.expectations) {
    PolicyFault fault{e.place, {}, who_text(e), {}, expected_text(e), {}, true};
    QueryCommand question;
    question.type = e.type;
    if (e.client.empty()) {
      const auto address = trial.client_of_groups(e.groups);
      if (!address.ok()) {
        fault.found = address.error();
        result.faults.push_back(fault);
        continue;
      }
      question.client = *address;
    } else {
      question.client = trial.client(e.client);
    }
    const auto moments = e.at ? std::vector<std::tm>{*e.at} : trial.distinct_moments();
    for (const auto& name : e.names) {
      question.name = name;
      fault.name = name;
      for (const auto& at : moments) {
        ++result.checks;
        auto report = trial.decide(question, at);
        fault.at = e.at || moments.size() > 1 ? weekday_and_time(at) : "";
        fault.is_bad_input = !report.ok();
        if (report.ok() && is_met(e, *report)) continue;
        if (report.ok()) {
          trial.locate(report->rules);
          fault.found = outcome_text(*report);
        } else {
          fault.found = report.error();
        }
        result.faults.push_back(fault);
        break;  // the first moment that shows it is enough
      }
    }
  }
  return result;
}

}  // namespace rampart::control
