// Builds a FilterSet in a line: each list is a group, an action and its rules.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "blocklists/filter_set_builder.h"
#include "dns/name.h"

namespace rampart::support {

inline dns::FoldedName folded(std::string_view text) {
  dns::FoldedName name;
  name.assign(dns::Name::parse(text).value().view());
  return name;
}

inline blocklists::Rule exact(std::string_view name) {
  return {.kind = blocklists::RuleKind::kExact, .name = name};
}
inline blocklists::Rule wildcard(std::string_view name) {
  return {.kind = blocklists::RuleKind::kWildcard, .name = name};
}
inline blocklists::Rule regex(std::string_view pattern) {
  return {.kind = blocklists::RuleKind::kRegex, .regex = pattern};
}
inline blocklists::Rule range(std::string_view text) {
  return {.kind = blocklists::RuleKind::kAddress, .range = base::IpRange::parse(text).value()};
}
inline blocklists::Rule exception(blocklists::Rule rule) {
  rule.action = blocklists::Action::kAllow;
  return rule;
}
inline blocklists::Rule important(blocklists::Rule rule) {
  rule.important = true;
  return rule;
}

class FilterWorld {
 public:
  using Rules = std::vector<blocklists::Rule>;

  FilterWorld& deny(std::string group, Rules rules) {
    lists_.push_back({std::move(group), blocklists::Action::kDeny, std::move(rules)});
    return *this;
  }
  FilterWorld& allow(std::string group, Rules rules) {
    lists_.push_back({std::move(group), blocklists::Action::kAllow, std::move(rules)});
    return *this;
  }

  /// Sources are numbered in the order of the calls and named "list 0", "list 1", ...
  [[nodiscard]] std::shared_ptr<const blocklists::FilterSet> build() const {
    std::vector<std::string> groups;
    for (const List& list : lists_) groups.push_back(list.group);
    auto builder = blocklists::FilterSetBuilder::create(base::HashKey{}, std::move(groups));
    if (!builder) {
      ADD_FAILURE() << builder.error();
      return nullptr;
    }
    for (std::size_t i = 0; i < lists_.size(); ++i) {
      const auto source = builder->add_source({.name = "list " + std::to_string(i),
                                               .group = builder->group_index(lists_[i].group).value(),
                                               .action = lists_[i].action});
      for (const auto& rule : lists_[i].rules) builder->add(source, rule);
    }
    auto built = builder->build();
    if (!built) {
      ADD_FAILURE() << built.error();
      return nullptr;
    }
    return *built;
  }

 private:
  struct List {
    std::string group;
    blocklists::Action action;
    Rules rules;
  };
  std::vector<List> lists_;
};

}  // namespace rampart::support
