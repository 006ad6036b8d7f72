#include "control/list_catalog.h"

#include <algorithm>
#include <set>

#include "base/log.h"
#include "blocklists/filter_set_builder.h"

namespace rampart::control {

using blocklists::FilterSetBuilder;
using blocklists::LoadedSource;
using blocklists::SourceKind;
using blocklists::SourceSpec;

base::Result<ListCatalog::Outcome, std::string> ListCatalog::load(const std::vector<ListEntry>& entries) {
  Outcome outcome;
  std::map<SourceSpec, LoadedSource> versions;
  std::set<std::string> failed_groups;
  std::map<std::string, std::uint64_t> rules_of_group;

  std::vector<std::string> groups;
  for (const auto& entry : entries) groups.push_back(entry.group);
  auto builder = FilterSetBuilder::create(key_, groups);
  if (!builder.ok()) return base::Error{builder.error()};

  for (const auto& entry : entries) {
    if (!versions.contains(entry.source)) {
      auto loaded = blocklists::load_local(entry.source, key_, options_);
      if (loaded.ok()) {
        base::log::info("lists", "import succeeded",
                        {{"source", entry.source.display_name()}, {"count", std::to_string(loaded->rules->rule_count())}});
        versions.emplace(entry.source, std::move(loaded).value());
      } else {
        const auto kept = last_good_.find(entry.source);
        base::log::error("lists", loaded.error(),
                         {{"group", entry.group}, {"in_force", kept == last_good_.end() ? "nothing" : "last good version"}});
        outcome.errors.push_back(loaded.error());
        failed_groups.insert(entry.group);
        versions.emplace(entry.source, kept != last_good_.end() ? kept->second
                                                                : LoadedSource{std::make_shared<blocklists::CompiledSource>(), {}, 0});
      }
    }
    const LoadedSource& version = versions.at(entry.source);
    rules_of_group[entry.group] += version.rules->rule_count();
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
  last_good_ = std::move(versions);
  return outcome;
}

}  // namespace rampart::control
