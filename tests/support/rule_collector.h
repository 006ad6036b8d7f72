// Collects the rules of a parser as text: "deny exact example.org", "allow! wildcard example.org" (! important).
#pragma once

#include <string>
#include <vector>

#include "blocklists/rule.h"

namespace rampart::support {

class RuleCollector final : public blocklists::RuleSink {
 public:
  void add(const blocklists::Rule& rule) override {
    std::string text = rule.action == blocklists::Action::kAllow ? "allow" : "deny";
    if (rule.important) text += '!';
    switch (rule.kind) {
      case blocklists::RuleKind::kExact:
        text += " exact " + std::string(rule.name);
        break;
      case blocklists::RuleKind::kWildcard:
        text += " wildcard " + std::string(rule.name);
        break;
      case blocklists::RuleKind::kRegex:
        text += " regex " + std::string(rule.regex);
        break;
      case blocklists::RuleKind::kAddress:
        text += " address " + rule.range.to_string();
        break;
    }
    rules.push_back(std::move(text));
  }
  std::vector<std::string> rules;
};

}  // namespace rampart::support
