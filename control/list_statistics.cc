#include "control/list_statistics.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "base/bytes.h"
#include "base/keyed_hash.h"
#include "control/api_json.h"
#include "control/cli_output.h"
#include "control/rule_finder.h"

namespace rampart::control {
namespace {

using Json = nlohmann::ordered_json;
using blocklists::RuleKind;
using blocklists::SkipCause;
using blocklists::SourceSpec;

constexpr std::size_t kSharedShown = 3;  // lists named for their overlap, in text
constexpr const char* kKinds[] = {"exact", "wildcard", "regex", "address"};
constexpr const char* kCauses[blocklists::kSkipCauseCount] = {
    "cosmetic",      "modifier", "dnstype",   "urlPattern",
    "configuration", "rewrite",  "rpzTrigger"};

std::uint64_t hash_of(const blocklists::Rule& rule) {
  std::string text;
  switch (rule.kind) {
    case RuleKind::kExact:
    case RuleKind::kWildcard: text = "n" + std::string(rule.name); break;
    case RuleKind::kRegex: text = "r" + std::string(rule.regex); break;
    case RuleKind::kAddress: text = "a" + rule.range.to_string(); break;
  }
  const auto bytes = base::as_bytes(text);
  return base::hash_bytes(base::HashKey{}, bytes.data(), bytes.size()).lo;
}

struct Reading {
  std::string error;
  blocklists::ListScan scan;
  std::vector<std::uint64_t> entries;  // hashes, sorted, without duplicates
  std::uint64_t unique = 0;
  std::map<std::size_t, std::uint64_t> shared;  // by index of the other reading
};

Reading read(const SourceSpec& source, const ListTexts& texts) {
  Reading reading;
  const auto reader = texts.reader(source);
  if (!reader) {
    reading.error = texts.state(source).why;
    return reading;
  }
  auto scan = blocklists::scan_list(*reader, texts.catalog_options().parser,
                                    [&](const blocklists::Rule& rule, std::uint64_t /*line*/) {
                                      reading.entries.push_back(hash_of(rule));
                                    });
  if (!scan.ok()) {
    reading.error = scan.error();
    reading.entries.clear();
    return reading;
  }
  reading.scan = std::move(scan).value();
  std::sort(reading.entries.begin(), reading.entries.end());
  reading.entries.erase(std::unique(reading.entries.begin(), reading.entries.end()), reading.entries.end());
  return reading;
}

/// Walks all lists at once, in the order of the hashes.
void compare(std::vector<Reading>& readings) {
  std::vector<std::pair<std::uint64_t, std::uint32_t>> all;
  for (std::uint32_t i = 0; i < readings.size(); ++i)
    for (const auto hash : readings[i].entries) all.emplace_back(hash, i);
  std::sort(all.begin(), all.end());
  for (std::size_t from = 0, to = 0; from < all.size(); from = to) {
    while (to < all.size() && all[to].first == all[from].first) ++to;
    if (to - from == 1) ++readings[all[from].second].unique;
    for (std::size_t a = from; to - from > 1 && a < to; ++a)
      for (std::size_t b = from; b < to; ++b)
        if (a != b) ++readings[all[a].second].shared[all[b].second];
  }
}

std::string percent(std::uint64_t part, std::uint64_t whole) {
  if (whole == 0) return "-";
  char text[32];
  std::snprintf(text, sizeof(text), "%.1f %%", 100.0 * static_cast<double>(part) / static_cast<double>(whole));
  return text;
}

std::string age_text(base::WallTime as_of) {
  const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(base::wall_now() - as_of).count();
  if (minutes < 120) return std::to_string(std::max<std::int64_t>(minutes, 0)) + " min";
  return minutes < 48 * 60 ? std::to_string(minutes / 60) + " h" : std::to_string(minutes / 60 / 24) + " days";
}

const char* action_word(const ListEntry& entry) {
  return entry.action == blocklists::Action::kAllow ? "allow" : "deny";
}

void line(std::string& out, const std::string& label, const std::string& value) {
  constexpr std::size_t kLabelWidth = 10;
  out += "  " + label + std::string(kLabelWidth - std::min(kLabelWidth, label.size()), ' ') + " " + value + "\n";
}

}  // namespace

std::vector<SourceStatistics> list_statistics(const std::vector<ListEntry>& entries, const ListTexts& texts,
                                              Progress& progress) {
  std::map<SourceSpec, std::size_t> index_of;
  std::vector<const SourceSpec*> sources;
  for (const auto& entry : entries)
    if (index_of.emplace(entry.source, sources.size()).second) sources.push_back(&entry.source);
  std::vector<Reading> readings;
  for (const auto* source : sources) {
    progress.show("reading " + source->display_name());
    readings.push_back(read(*source, texts));
  }
  compare(readings);
  progress.clear();

  // A list is shown by its first place, whichever groups use it too.
  std::vector<std::size_t> first_place(sources.size(), entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    std::size_t& first = first_place[index_of[entries[i].source]];
    first = std::min(first, i);
  }
  const auto places = places_of(entries);
  std::vector<SourceStatistics> all;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Reading& reading = readings[index_of[entries[i].source]];
    SourceStatistics one{entries[i], places[i], texts.state(entries[i].source), reading.error, reading.scan,
                         reading.entries.size(), reading.unique, {}};
    for (const auto& [other, count] : reading.shared) one.shared.emplace_back(first_place[other], count);
    std::stable_sort(one.shared.begin(), one.shared.end(),
                     [](const auto& a, const auto& b) { return a.second > b.second; });
    all.push_back(std::move(one));
  }
  return all;
}

std::string statistics_text(const std::vector<SourceStatistics>& all) {
  std::string out;
  for (const auto& one : all) {
    const auto& counts = one.scan.statistics;
    out += (out.empty() ? "" : "\n") + one.entry.group + " (" + action_word(one.entry) + ")  " +
           one.entry.source.display_name() + "\n";
    line(out, "place", one.place);
    std::string state(to_text(one.state.kind));
    if (one.state.as_of != base::WallTime{}) state += ", " + age_text(one.state.as_of) + " old";
    if (!one.state.why.empty()) state += ": " + one.state.why;
    line(out, "state", state);
    if (!one.error.empty() && one.error != one.state.why) line(out, "error", one.error);
    if (!one.error.empty()) continue;
    std::string kinds;
    for (std::size_t i = 0; i < counts.rules.size(); ++i)
      if (counts.rules[i] != 0)
        kinds += (kinds.empty() ? "" : ", ") + with_separators(counts.rules[i]) + " " + kKinds[i];
    if (counts.exceptions != 0) kinds += "; " + with_separators(counts.exceptions) + " of them exceptions";
    if (counts.typed != 0) kinds += "; " + with_separators(counts.typed) + " of them for some query types only";
    line(out, "entries", with_separators(counts.rule_count()) + (kinds.empty() ? "" : " (" + kinds + ")"));
    line(out, "different", with_separators(one.different));
    line(out, "unique", with_separators(one.unique) + " (" + percent(one.unique, one.different) + ")");
    for (std::size_t i = 0; i < std::min(kSharedShown, one.shared.size()); ++i) {
      const auto& other = all[one.shared[i].first];
      line(out, "shared", with_separators(one.shared[i].second) + " ("
          + percent(one.shared[i].second, one.different) +
                              ") with " + other.place + " " + other.entry.source.display_name());
    }
    line(out, "text", with_separators(one.scan.bytes) + " bytes, " + with_separators(counts.lines) + " lines, " +
                          with_separators(counts.blank_lines) + " blank or comments");
    for (std::size_t i = 0; i < counts.skipped.size(); ++i)
      if (counts.skipped[i] != 0)
        line(out, "skipped", with_separators(counts.skipped[i]) + ": "
            + std::string(describe(static_cast<SkipCause>(i))));
    if (counts.error_count != 0) {
      const auto& first = counts.errors.front();
      line(out, "errors", with_separators(counts.error_count) + "; the first in line " + std::to_string(first.line)
          + ": " + first.text);
    }
  }
  return out.empty() ? "no lists are configured\n" : out;
}

std::string statistics_json(const std::vector<SourceStatistics>& all) {
  Json out = Json::array();
  for (const auto& one : all) {
    const auto& counts = one.scan.statistics;
    Json entries = Json::object();
    for (std::size_t i = 0; i < counts.rules.size(); ++i) entries[kKinds[i]] = counts.rules[i];
    Json skipped = Json::object();
    for (std::size_t i = 0; i < counts.skipped.size(); ++i) skipped[kCauses[i]] = counts.skipped[i];
    Json errors = Json::array();
    for (const auto& error : counts.errors) errors.push_back(Json{{"line", error.line}, {"error", error.text}});
    Json shared = Json::array();
    for (const auto& [other, count] : one.shared)
      shared.push_back(Json{{"place", all[other].place}, {"list", all[other].entry.source.display_name()},
          {"entries", count}});
    Json row{{"group", one.entry.group},
             {"action", action_word(one.entry)},
             {"list", one.entry.source.display_name()},
             {"place", one.place},
             {"state", to_text(one.state.kind)}};
    if (!one.state.why.empty()) row["why"] = one.state.why;
    if (!one.error.empty() && one.error != one.state.why) row["error"] = one.error;
    if (one.state.as_of != base::WallTime{}) {
      row["asOf"] = rfc3339(one.state.as_of);
      row["ageSeconds"] = std::chrono::duration_cast<std::chrono::seconds>(base::wall_now() - one.state.as_of).count();
    }
    row["bytes"] = one.scan.bytes;
    row["lines"] = counts.lines;
    row["blankLines"] = counts.blank_lines;
    row["entries"] = std::move(entries);
    row["exceptions"] = counts.exceptions;
    row["forSomeTypes"] = counts.typed;
    row["different"] = one.different;
    row["unique"] = one.unique;
    row["shared"] = std::move(shared);
    row["skipped"] = std::move(skipped);
    row["errorCount"] = counts.error_count;
    row["errors"] = std::move(errors);
    out.push_back(std::move(row));
  }
  return out.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace rampart::control
