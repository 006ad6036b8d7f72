#include "blocklists/filter_set_builder.h"

#include <algorithm>
#include <cassert>
#include <string>

#include "blocklists/filter_set_assembly.h"
#include "blocklists/filter_set_parts.h"

namespace rampart::blocklists {

struct FilterSetBuilder::State {
  base::HashKey key;
  std::unique_ptr<FilterSet> result;
  std::vector<SourceGroup> inputs;
  std::vector<std::unique_ptr<SourceCompiler>> compilers;  ///< by input; of those whose rules are still coming
  std::vector<std::size_t> input_of;                       ///< by source
  bool too_many_sources = false;

  std::size_t add_input(SourceGroup input, std::unique_ptr<SourceCompiler> compiler = nullptr) {
    inputs.push_back(std::move(input));
    compilers.push_back(std::move(compiler));
    return inputs.size() - 1;
  }

  SourceId register_source(SourceInfo info, std::size_t input) {
    auto& sources = result->parts_->sources;
    if (sources.size() >= kSourcesMax) {
      too_many_sources = true;
      return static_cast<SourceId>(kSourcesMax - 1);
    }
    const auto id = static_cast<SourceId>(sources.size());
    sources.push_back(std::move(info));
    input_of.push_back(input);
    inputs[input].sources.push_back(id);
    return id;
  }
};

FilterSetBuilder::FilterSetBuilder(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
FilterSetBuilder::FilterSetBuilder(FilterSetBuilder&&) noexcept = default;
FilterSetBuilder& FilterSetBuilder::operator=(FilterSetBuilder&&) noexcept = default;
FilterSetBuilder::~FilterSetBuilder() = default;

base::Result<FilterSetBuilder, std::string> FilterSetBuilder::create(const base::HashKey& key,
                                                                     std::vector<std::string> groups) {
  std::sort(groups.begin(), groups.end());
  groups.erase(std::unique(groups.begin(), groups.end()), groups.end());
  if (groups.size() > kGroupsMax) {
    return base::Error{std::to_string(groups.size()) + " list groups are more than the " + std::to_string(kGroupsMax) +
                       " that are possible: join groups that the same clients use"};
  }
  auto state = std::make_unique<State>();
  state->key = key;
  state->result = std::make_unique<FilterSet>();
  state->result->parts_->key = key;
  state->result->parts_->groups = std::move(groups);
  return FilterSetBuilder(std::move(state));
}

std::optional<std::uint8_t> FilterSetBuilder::group_index(std::string_view group) const noexcept {
  const auto& groups = state_->result->parts_->groups;
  const auto it = std::lower_bound(groups.begin(), groups.end(), group);
  if (it == groups.end() || *it != group) return std::nullopt;
  return static_cast<std::uint8_t>(it - groups.begin());
}

FilterSetBuilder::SourceId FilterSetBuilder::add_source(SourceInfo info, std::shared_ptr<const CompiledSource> source) {
  const auto& inputs = state_->inputs;
  std::size_t input = 0;
  while (input < inputs.size() && inputs[input].compiled != source) ++input;
  if (input == inputs.size()) state_->add_input({std::move(source), {}});
  return state_->register_source(std::move(info), input);
}

FilterSetBuilder::SourceId FilterSetBuilder::add_source(SourceInfo info) {
  return state_->register_source(std::move(info),
                                 state_->add_input({}, std::make_unique<SourceCompiler>(state_->key)));
}

void FilterSetBuilder::add(SourceId source, const Rule& rule) {
  auto& compiler = state_->compilers[state_->input_of[source]];
  assert(compiler != nullptr && "rules can only be added to a source that was announced without any");
  compiler->add(rule);
}

base::Result<std::shared_ptr<const FilterSet>, std::string> FilterSetBuilder::build() {
  const std::unique_ptr<State> state = std::move(state_);
  if (state->too_many_sources) {
    return base::Error{"more than " + std::to_string(kSourcesMax) + " list sources: join some of them"};
  }
  FilterSetParts& parts = *state->result->parts_;
  for (std::size_t i = 0; i < state->inputs.size(); ++i) {
    if (state->compilers[i] == nullptr) continue;
    state->inputs[i].compiled = std::make_shared<const CompiledSource>(state->compilers[i]->finish());
    state->compilers[i].reset();
  }
  GroupMask with_denylists = 0;
  GroupMask with_allowlists = 0;
  for (std::size_t id = 0; id < parts.sources.size(); ++id) {
    parts.sources[id].entries = state->inputs[state->input_of[id]].compiled->rule_count();
    (parts.sources[id].action == Action::kDeny ? with_denylists : with_allowlists) |= GroupMask{1} << parts.sources[id].group;
  }
  parts.allowlist_only = with_allowlists & ~with_denylists;

  FilterSetAssembly assembly(parts, state->inputs);
  if (auto status = assembly.add_names(); !status) return base::Error{status.error()};
  assembly.add_addresses();
  if (auto status = assembly.add_regexes(kRegexesMax); !status) return base::Error{status.error()};
  parts.sets.seal();
  return std::shared_ptr<const FilterSet>(std::move(state->result));
}

}  // namespace rampart::blocklists
