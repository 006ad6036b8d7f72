// Collects the rules of a parser as text: "deny exact example.org", "allow! wildcard example.org" (! important),
// with " for AAAA" behind it when it holds for some query types only.
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
    if (rule.types != nullptr) text += " for " + rule.types->to_text();
    rules.push_back(std::move(text));
  }
  std::vector<std::string> rules;
};

}  // namespace rampart::support
