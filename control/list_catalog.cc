#include "control/list_catalog.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <new>
#include <set>
#include <system_error>
#include <thread>
#include <utility>

#include "base/log.h"
#include "blocklists/filter_set_builder.h"

namespace rampart::control {

using blocklists::FilterSetBuilder;
using blocklists::LoadedSource;
using blocklists::SourceKind;
using blocklists::SourceSpec;

namespace {

// Memory for the next source, and for the index. Where no disk takes them, names stay where they are.
void free_memory_of(const LoadedSource& source, const std::string& folder) {
  if (source.rules->rule_count() < blocklists::SourceArchive::kNamesMin) return;
  try {
    static_cast<void>(source.rules->move_to_disk(folder));
  } catch (const std::bad_alloc&) {
  }
}

// The lines that a list within its budget of errors is read without.
void log_errors(const std::string& source, const blocklists::ListStatistics& statistics) {
  const auto warn = [&](const std::string& what) { base::log::warn("lists", what, {{"source", source}}); };
  for (const auto& error : statistics.errors)
    warn("parse error: line " + std::to_string(error.line) + ": " + error.text + ", trying to continue");
  if (const auto more = statistics.error_count - statistics.errors.size(); more != 0)
    warn("parse error: " + std::to_string(more) + " more lines, trying to continue");
}

}  // namespace

ListCatalog::ListCatalog(const base::HashKey& key, ListCatalogOptions options) : key_(key) {
  set_options(std::move(options));
}

void ListCatalog::set_options(ListCatalogOptions options) {
  options_ = std::move(options);
  options_.downloads.reading.accept_html = options_.admission.html || !options_.admission.enable;
  options_.downloads.reading.refusals = &refusals_;
  downloader_.set_options(options_.downloads);
}

ListCatalog::Reading ListCatalog::read(const Wanted& wanted, const blocklists::AdmissionGate& gate, Effort effort) {
  const SourceSpec& source = *wanted.source;
  std::optional<std::uint64_t> entries_in_force;
  if (const auto last = last_good_.find(source); last != last_good_.end() && last->second.entries != 0)
    entries_in_force = last->second.entries;
  const blocklists::Judge judge = [&](const LoadedSource& version, std::optional<std::uint64_t> entries_on_disk) {
    auto refused = gate.judge(*version.rules, version.statistics,
                              {wanted.denies, entries_in_force ? entries_in_force : entries_on_disk});
    if (refused) refusals_.add(refused->cause);
    return refused;
  };
  try {
    switch (source.kind) {
      case SourceKind::kInline:  // the owner's own words need no gate
        return blocklists::load_local(source, key_, options_.parser, options_.downloads.reading);
      case SourceKind::kFile: {
        auto loaded = blocklists::load_local(source, key_, options_.parser, options_.downloads.reading);
        if (!loaded.ok()) return loaded;
        if (const auto refused = judge(*loaded, std::nullopt))
          return base::Error{source.display_name() + ": new version refused: " + refused->why};
        return loaded;
      }
      case SourceKind::kHttp: break;
    }
    if (effort == Effort::kFull) return downloader_.load(source, key_, options_.parser, judge);
    auto copy = downloader_.load_copy(source, key_, options_.parser, judge);
    if (copy.ok()) base::log::info("lists", "seeded group cache from disk", {{"source", source.display_name()}});
    return copy;
  } catch (const std::exception& e) {  // out of memory, for one; other lists may still fit
    return base::Error{"cannot open source: " + source.display_name() + ": " + e.what()};
  }
}

// Each source once, by this thread and up to `concurrency` - 1 others.
std::map<SourceSpec, ListCatalog::Wanted> ListCatalog::read_all(const std::vector<ListEntry>& entries, Effort effort) {
  std::map<SourceSpec, Wanted> readings;
  for (const auto& entry : entries) {
    const auto at = readings.try_emplace(entry.source).first;
    at->second.source = &at->first;
    at->second.denies |= entry.action == blocklists::Action::kDeny;
  }
  std::vector<Wanted*> work;
  for (auto& [source, wanted] : readings) work.push_back(&wanted);

  const blocklists::AdmissionGate gate(key_, options_.admission);
  std::atomic<std::size_t> next{0};
  const auto run = [&] {
    for (std::size_t i; (i = next.fetch_add(1)) < work.size();) {
      Reading& reading = work[i]->reading = read(*work[i], gate, effort);
      if (reading.ok()) free_memory_of(*reading, options_.downloads.cache_path);
    }
  };
  std::vector<std::thread> others;
  others.reserve(std::min<std::size_t>(options_.concurrency, work.size()));
  try {
    while (others.size() + 1 < std::min<std::size_t>(options_.concurrency, work.size())) others.emplace_back(run);
  } catch (const std::system_error&) {
    // No more threads: those we have read all of it.
  }
  run();
  for (auto& other : others) other.join();
  return readings;
}

ListCatalog::Version ListCatalog::last_good(const SourceSpec& source) const {
  const auto last = last_good_.find(source);
  return last == last_good_.end() ? Version{} : last->second;
}

void ListCatalog::commit(Outcome& outcome) {
  if (const auto versions = std::exchange(outcome.versions, nullptr)) last_good_ = std::move(*versions);
}

base::Result<ListCatalog::Outcome, std::string> ListCatalog::load(const std::vector<ListEntry>& entries,
                                                              Effort effort) {
  auto outcome = prepare(entries, effort);
  if (outcome.ok()) commit(*outcome);
  return outcome;
}

base::Result<ListCatalog::Outcome, std::string> ListCatalog::prepare(const std::vector<ListEntry>& entries,
                                                                 Effort effort) {
  Outcome outcome;
  std::map<SourceSpec, Version> versions;
  std::set<std::string> failed_groups;
  std::map<std::string, std::uint64_t> rules_of_group;

  std::vector<std::string> groups;
  for (const auto& entry : entries) groups.push_back(entry.group);
  auto builder = FilterSetBuilder::create(key_, groups);
  if (!builder.ok()) return base::Error{builder.error()};

  auto readings = read_all(entries, effort);
  for (const auto& entry : entries) {
    if (!versions.contains(entry.source)) {
      Version version;
      if (Reading& loaded = readings.at(entry.source).reading; loaded.ok()) {
        version.entries = loaded->rules->rule_count();
        version.rules = std::move(loaded->rules);
        if (loaded->stale_because.empty() && effort == Effort::kFull) {
          version.read_at = base::wall_now();
        } else if (const auto before = last_good_.find(entry.source); before != last_good_.end()) {
          version.read_at = before->second.read_at;
        }
        base::log::info("lists", "import succeeded",
                        {{"source", entry.source.display_name()}, base::log::number("count", version.entries)});
        log_errors(entry.source.display_name(), loaded->statistics);
        if (!loaded->stale_because.empty())
          (loaded->was_refused ? outcome.errors : outcome.stale).push_back(loaded->stale_because);
      } else if (effort == Effort::kAtHand && entry.source.kind == SourceKind::kHttp) {
        outcome.is_complete = false;  // no error: it is about to be downloaded
      } else {
        version = last_good(entry.source);
        base::log::error("lists", loaded.error(),
                         {{"group", entry.group}, {"in_force", version.entries != 0 ? "last good version" : "nothing"}});
        outcome.errors.push_back(loaded.error());
        failed_groups.insert(entry.group);
      }
      outcome.lists.push_back({entry.source.display_name(), version.entries, version.read_at});
      versions.emplace(entry.source, std::move(version));
    }
    const Version& version = versions.at(entry.source);
    rules_of_group[entry.group] += version.entries;
    blocklists::SourceInfo info;
    info.name = entry.source.display_name();
    info.group = *builder->group_index(entry.group);
    info.action = entry.action;
    static_cast<void>(builder->add_source(info, version.rules));
  }
  for (const auto& group : failed_groups)
    if (rules_of_group[group] == 0) outcome.empty_groups.push_back(group);

  auto built = builder->build();
  if (!built.ok()) return base::Error{built.error()};
  outcome.filter = std::move(built).value();
  outcome.versions = std::make_shared<std::map<SourceSpec, Version>>(std::move(versions));
  return outcome;
}

}  // namespace rampart::control
