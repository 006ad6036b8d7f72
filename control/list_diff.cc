#include "control/list_diff.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "base/random.h"
#include "control/cli_output.h"
#include "control/config_loader.h"
#include "control/policy_builder.h"
#include "dns/name.h"
#include "dns/presentation.h"

namespace rampart::control {
namespace {

using Json = nlohmann::ordered_json;
using blocklists::Action;
using blocklists::FilterSet;
using blocklists::RuleKind;
using blocklists::SourceKind;

constexpr const char* kListGroup = "list";  // the group of a list that stands for itself
constexpr const char* kBelow = "any-name-below";
constexpr std::string_view kTypesMark = "$dnstype=";

struct Side {
  bool is_configuration = false;
  Config config;
  std::vector<ListEntry> entries;
  std::unique_ptr<ListTexts> texts;
  std::shared_ptr<const FilterSet> filter;
  std::map<std::string, std::vector<std::string>> rules;  // by group: sorted, without duplicates
  std::vector<std::string> failed;
};

bool is_configuration(const std::string& path) {
  std::error_code error;
  return path.ends_with(".yml") || path.ends_with(".yaml") || std::filesystem::is_directory(path, error);
}

std::string rule_text(const blocklists::Rule& rule, Action list_action) {
  std::string text = rule.important ? "important " : "";
  if (list_action == Action::kAllow || rule.action == Action::kAllow) text += "allow ";
  switch (rule.kind) {
    case RuleKind::kExact: text.append(rule.name); break;
    case RuleKind::kWildcard: text.append("*.").append(rule.name); break;
    case RuleKind::kRegex: text.append("/").append(rule.regex).append("/"); break;
    case RuleKind::kAddress: text += rule.range.to_string(); break;
  }
  if (rule.types != nullptr) text.append(kTypesMark).append(rule.types->to_text());
  return text;
}

base::Result<Side, std::string> read_side(const std::string& path, DownloadMode mode, Progress& progress) {
  Side side;
  ListCatalogOptions options;
  side.is_configuration = is_configuration(path);
  if (side.is_configuration) {
    auto loaded = load(path);
    if (!loaded.ok()) return base::Error{loaded.error().front().to_text()};
    side.config = std::move(loaded->config);
    side.entries = list_entries(side.config.blocking);
    options = list_options(side.config);
  } else {
    const bool is_url = path.starts_with("http://") || path.starts_with("https://");
    side.entries.push_back({kListGroup, Action::kDeny, {is_url ? SourceKind::kHttp : SourceKind::kFile, path}});
  }
  side.texts = std::make_unique<ListTexts>(side.entries, options, mode, progress);
  progress.show("building the filter of " + path);
  ListCatalog catalog(base::random_hash_key(), side.texts->catalog_options());
  auto outcome = catalog.load(side.entries, ListCatalog::Effort::kAtHand);
  if (!outcome.ok()) return base::Error{path + ": " + outcome.error()};
  side.filter = outcome->filter;
  for (const auto& entry : side.entries) {
    auto& rules = side.rules[entry.group];
    const auto reader = side.texts->reader(entry.source);
    if (!reader) {
      side.failed.push_back(entry.source.display_name() + ": " + side.texts->state(entry.source).why);
      continue;
    }
    const std::size_t before = rules.size();
    const auto scan = blocklists::scan_list(*reader, side.texts->catalog_options().parser,
                                            [&](const blocklists::Rule& rule, std::uint64_t /*line*/) {
                                              rules.push_back(rule_text(rule, entry.action));
                                            });
    if (scan.ok()) continue;
    rules.resize(before);
    side.failed.push_back(scan.error());
  }
  for (auto& [group, rules] : side.rules) {
    std::sort(rules.begin(), rules.end());
    rules.erase(std::unique(rules.begin(), rules.end()), rules.end());
  }
  progress.clear();
  if (!side.is_configuration && !side.failed.empty()) return base::Error{side.failed.front()};
  return side;
}

/// What both sides are asked.
struct Probe {
  std::string name;
  dns::RrType type = dns::RrType::kA;
  friend auto operator<=>(const Probe&, const Probe&) = default;
};

const char* verdict_of(const Side& side, const std::string& group, const Probe& probe) {
  const auto& groups = side.filter->groups();
  const auto at = std::find(groups.begin(), groups.end(), group);
  if (at == groups.end()) return "no rule";
  const auto mask = blocklists::GroupMask{1} << (at - groups.begin());
  Action action{};
  if (const auto range = base::IpRange::parse(probe.name)) {
    action = side.filter->match(range->base, mask, probe.type).action;
  } else if (const auto parsed = dns::Name::parse(probe.name)) {
    dns::FoldedName folded;
    folded.assign(parsed->view());
    action = side.filter->match(folded, mask, probe.type).action;
  }
  return action == Action::kDeny ? "blocked" : action == Action::kAllow ? "allowed" : "no rule";
}

/// Types for which a rule may decide differently than for others: A stands for all that no rule names.
std::vector<dns::RrType> probe_types(std::string_view& rule) {
  std::vector<dns::RrType> types{dns::RrType::kA};
  const std::size_t mark = rule.rfind(kTypesMark);
  if (mark == std::string_view::npos) return types;
  std::string_view rest = rule.substr(mark + kTypesMark.size());
  rule = rule.substr(0, mark);
  while (!rest.empty()) {
    std::string_view name = rest.substr(0, rest.find('|'));
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
    if (name.starts_with('~')) name.remove_prefix(1);
    if (const auto type = dns::parse_rr_type(name)) types.push_back(*type);
  }
  types.push_back(dns::RrType::kTxt);  // where A is among the named ones
  return types;
}

/// The names that a rule is about: itself, and for a wildcard one below it.
void add_probes(std::string_view rule, std::set<Probe>& probes, std::size_t& regexes) {
  for (const std::string_view prefix : {"important ", "allow "})
    if (rule.starts_with(prefix)) rule.remove_prefix(prefix.size());
  if (rule.starts_with('/')) {
    ++regexes;
    return;
  }
  for (const auto type : probe_types(rule)) {
    if (rule.starts_with("*.")) {
      probes.insert({std::string(rule.substr(2)), type});
      probes.insert({std::string(kBelow) + "." + std::string(rule.substr(2)), type});
    } else {
      probes.insert({std::string(rule), type});
    }
  }
}

GroupDiff diff_group(const std::string& group, const Side& before, const Side& after) {
  static const std::vector<std::string> kNone;
  const auto rules_of = [&](const Side& side) -> const std::vector<std::string>& {
    const auto it = side.rules.find(group);
    return it == side.rules.end() ? kNone : it->second;
  };
  GroupDiff diff;
  diff.group = group;
  const auto& old_rules = rules_of(before);
  const auto& new_rules = rules_of(after);
  std::set_difference(new_rules.begin(), new_rules.end(), old_rules.begin(), old_rules.end(),
      std::back_inserter(diff.added));
  std::set_difference(old_rules.begin(), old_rules.end(), new_rules.begin(), new_rules.end(),
      std::back_inserter(diff.removed));
  std::set<Probe> probes;
  for (const auto* changed : {&diff.added, &diff.removed})
    for (const auto& rule : *changed) add_probes(rule, probes, diff.regexes_changed);
  for (const auto& probe : probes) {
    GroupDiff::Change change{probe.name, verdict_of(before, group, probe), verdict_of(after, group, probe)};
    if (change.before == change.after) continue;
    if (probe.name.starts_with(kBelow)) change.name = "*" + probe.name.substr(std::string_view(kBelow).size());
    if (probe.type != dns::RrType::kA) change.name += " " + dns::to_text(probe.type);
    diff.changes.push_back(std::move(change));
  }
  return diff;
}

std::string client_text(const ClientIdentifier& client) {
  switch (client.kind) {
    case ClientIdentifier::Kind::kDefault: return "default";
    case ClientIdentifier::Kind::kAddress:
    case ClientIdentifier::Kind::kRange: return client.range.to_string();
    default: return client.text;
  }
}

std::map<std::string, std::string> clients_of(const Config& config) {
  std::map<std::string, std::set<std::string>> groups;
  for (const auto& entry : config.blocking.client_groups_block)
    for (const auto& client : entry.clients)
      groups[client_text(client)].insert(entry.groups.begin(), entry.groups.end());
  std::map<std::string, std::string> texts;
  for (const auto& [client, names] : groups) {
    std::string& text = texts[client];
    for (const auto& name : names) text += (text.empty() ? "" : ", ") + name;
  }
  return texts;
}

std::vector<Schedule> schedules_of(const Config& config, const std::string& group) {
  std::vector<Schedule> schedules;
  const auto it = config.blocking.list_schedules.find(group);
  if (it == config.blocking.list_schedules.end()) return schedules;
  for (const auto& name : it->second)
    if (const auto one = config.blocking.schedules.find(name); one != config.blocking.schedules.end())
      schedules.push_back(one->second);
  return schedules;
}

bool is_allowlist_only(const Side& side, const std::string& group) {
  const auto& groups = side.filter->groups();
  const auto at = std::find(groups.begin(), groups.end(), group);
  return at != groups.end() && (side.filter->allowlist_only_groups() >> (at - groups.begin()) & 1) != 0;
}

void note_configuration(const Side& before, const Side& after, ListDiff& diff) {
  const auto old_clients = clients_of(before.config);
  const auto new_clients = clients_of(after.config);
  for (const auto& [client, groups] : old_clients) {
    const auto it = new_clients.find(client);
    if (it == new_clients.end())
      diff.notes.push_back("client " + client + ": no entry any more (was in " + groups + ")");
    else if (it->second != groups)
      diff.notes.push_back("client " + client + ": was in " + groups + ", is in " + it->second);
  }
  for (const auto& [client, groups] : new_clients)
    if (!old_clients.contains(client)) diff.notes.push_back("client " + client + ": new, in " + groups);
}

template <class Items, class Show>
void section(std::string& out, const Items& items, std::size_t shown_max, Show show) {
  const std::size_t shown = shown_max == 0 ? items.size() : std::min(shown_max, items.size());
  for (std::size_t i = 0; i < shown; ++i) out += "  " + show(items[i]) + "\n";
  if (shown < items.size()) out += "  ... and " + with_separators(items.size() - shown) + " more (--all)\n";
}

template <class Items, class Show>
Json bounded(const Items& items, std::size_t shown_max, Show show) {
  Json out = Json::array();
  for (const auto& item : items) {
    if (shown_max != 0 && out.size() == shown_max) break;
    out.push_back(show(item));
  }
  return out;
}

}  // namespace

base::Result<ListDiff, std::string> diff_lists(const std::string& before_path, const std::string& after_path,
                                               DownloadMode mode, Progress& progress) {
  if (is_configuration(before_path) != is_configuration(after_path))
    return base::Error{"'" + before_path + "' and '" + after_path
        + "': one is a configuration, the other a list; compare like with like"};
  const auto before = read_side(before_path, mode, progress);
  if (!before.ok()) return base::Error{before.error()};
  const auto after = read_side(after_path, mode, progress);
  if (!after.ok()) return base::Error{after.error()};
  ListDiff diff;
  std::set<std::string> groups;
  for (const Side* side : {&*before, &*after}) {
    for (const auto& failed : side->failed)
      diff.notes.push_back((side == &*before ? "before: " : "after: ") + failed);
    for (const auto& [group, rules] : side->rules) groups.insert(group);
  }
  for (const auto& group : groups) {
    if (!before->rules.contains(group)) diff.notes.push_back("group " + group + ": new");
    if (!after->rules.contains(group)) diff.notes.push_back("group " + group + ": gone");
    if (is_allowlist_only(*before, group) != is_allowlist_only(*after, group))
      diff.notes.push_back("group " + group + ": " + (is_allowlist_only(*after, group) ? "now" : "no longer") +
                           " blocks everything that its allowlists do not name");
    if (schedules_of(before->config, group) != schedules_of(after->config, group))
      diff.notes.push_back("group " + group + ": another schedule");
    GroupDiff one = diff_group(group, *before, *after);
    if (!one.added.empty() || !one.removed.empty()) diff.groups.push_back(std::move(one));
  }
  if (before->is_configuration) note_configuration(*before, *after, diff);
  progress.clear();
  return diff;
}

std::string diff_text(const ListDiff& diff, std::size_t shown_max) {
  std::string out;
  for (const auto& group : diff.groups) {
    out += group.group + ": " + with_separators(group.added.size()) + " added, "
        + with_separators(group.removed.size()) +
           " removed; the verdict changes for " + with_separators(group.changes.size()) + "\n";
    section(out, group.added, shown_max, [](const std::string& rule) { return "+ " + rule; });
    section(out, group.removed, shown_max, [](const std::string& rule) { return "- " + rule; });
    section(out, group.changes, shown_max,
            [](const GroupDiff::Change& change) {
              return change.name + ": was " + change.before + ", is " + change.after;
            });
    if (group.regexes_changed != 0)
      out += "  " + with_separators(group.regexes_changed)
          + " regexes changed; which names they meet cannot be listed\n";
  }
  section(out, diff.notes, shown_max, [](const std::string& note) { return note; });
  return out.empty() ? "no difference\n" : out;
}

std::string diff_json(const ListDiff& diff, std::size_t shown_max) {
  const auto as_is = [](const std::string& text) { return Json(text); };
  Json groups = Json::array();
  for (const auto& group : diff.groups) {
    groups.push_back(Json{{"group", group.group},
                          {"addedCount", group.added.size()},
                          {"removedCount", group.removed.size()},
                          {"verdictChangeCount", group.changes.size()},
                          {"regexesChanged", group.regexes_changed},
                          {"added", bounded(group.added, shown_max, as_is)},
                          {"removed", bounded(group.removed, shown_max, as_is)},
                          {"verdictChanges", bounded(group.changes, shown_max, [](const GroupDiff::Change& change) {
                             return Json{{"name", change.name}, {"before", change.before}, {"after", change.after}};
                           })}});
  }
  return Json{{"groups", std::move(groups)}, {"notes", bounded(diff.notes, 0, as_is)}}.dump(-1, ' ', false,
                                                                                            Json::error_handler_t::replace) +
         "\n";
}

}  // namespace rampart::control
