#include "control/rule_finder.h"

#include <map>
#include <tuple>

#include "dns/presentation.h"

namespace rampart::control {
namespace {

using blocklists::Action;
using blocklists::RuleKind;
using storage::Reason;

// Whether a page of HTML may be a list was decided when it was loaded.
const blocklists::ReadOptions kAsAdmitted{.accept_html = true};

/// The name that the rule was held against, without its first `skipped` labels.
std::string suffix_of(const dns::NameView& name, std::size_t skipped) {
  std::string text = dns::to_text(name);
  if (text.ends_with('.')) text.pop_back();
  for (; skipped > 0; --skipped) text.erase(0, text.find('.') + 1);
  return text;
}

const char* word(RuleKind kind) {
  switch (kind) {
    case RuleKind::kExact: return "exact";
    case RuleKind::kWildcard: return "wildcard";
    case RuleKind::kRegex: return "regex";
    case RuleKind::kAddress: return "address";
  }
  return "";
}

std::string types_text(const blocklists::Rule& rule) {
  return rule.types == nullptr ? std::string() : "$dnstype=" + rule.types->to_text();
}

bool is_wanted(const blocklists::Rule& rule, const DecidingRule& wanted, Action list_action) {
  const bool allows = list_action == Action::kAllow || rule.action == Action::kAllow;
  if (types_text(rule) != wanted.types) return false;
  if (rule.kind != wanted.rule_kind || allows != (wanted.action == "allow")) return false;
  switch (rule.kind) {
    case RuleKind::kExact:
    case RuleKind::kWildcard: return rule.name == wanted.wanted;
    case RuleKind::kRegex: return rule.regex == wanted.wanted;
    case RuleKind::kAddress: return rule.range.contains(wanted.address);
  }
  return false;
}

}  // namespace

std::vector<DecidingRule> deciding_rules(const resolver::QueryContext& context,
                                         const resolver::PolicySnapshot& policy) {
  std::vector<DecidingRule> rules;
  if (context.reason == Reason::kBlockedAllowlistOnly) return rules;  // blocked because no rule allows
  const bool is_target = context.reason == Reason::kBlockedCname || context.reason == Reason::kBlockedTarget;
  for (std::size_t i = 0; i < context.verdict.match_count; ++i) {
    const auto& match = context.verdict.matches[i];
    DecidingRule rule;
    rule.group = policy.filter->groups()[match.group];
    rule.action = context.verdict.action == Action::kAllow ? "allow" : "deny";
    rule.kind = word(match.kind);
    rule.rule_kind = match.kind;
    rule.source = match.source;
    rule.list = policy.filter->sources()[match.source].name;
    if (match.kind == RuleKind::kRegex) {
      rule.wanted = std::string(policy.filter->regex_text(match.regex));
      rule.rule = "/" + rule.wanted + "/";
    } else if (match.kind == RuleKind::kAddress) {
      rule.address = context.blocked_address;
      rule.rule = rule.wanted = context.blocked_address.to_string();
    } else {
      rule.wanted = suffix_of(is_target ? context.blocked_target.view() : context.name.view(),
          match.labels_skipped);
      rule.rule = (match.kind == RuleKind::kWildcard ? "*." : "") + rule.wanted;
    }
    rule.types = policy.filter->types_text(match.types);
    rule.rule += rule.types;
    rules.push_back(std::move(rule));
  }
  return rules;
}

void find_line(DecidingRule& rule, const blocklists::ReadText& read, const blocklists::ListParserOptions& options) {
  bool is_important = false;
  // The action of the list itself is in `place`: an allowlist allows with every line.
  const Action list_action = rule.place.starts_with("blocking.allowlists") ? Action::kAllow : Action::kDeny;
  const auto scan = blocklists::scan_list(read, options, [&](const blocklists::Rule& found, std::uint64_t line) {
    if (!is_wanted(found, rule, list_action) || (rule.line != 0 && (is_important || !found.important))) return;
    rule.line = line;
    is_important = found.important;
    if (found.kind == RuleKind::kAddress) rule.rule = found.range.to_string() + rule.types;
  });
  if (!scan.ok()) {
    rule.line = 0;
    rule.note = scan.error();
  } else if (rule.line == 0) {
    rule.note = "the list no longer has this rule: it changed since it was loaded";
  } else if (auto text = blocklists::line_text(read, rule.line); text.ok()) {
    rule.text = std::move(text).value();
  }
}

std::optional<blocklists::ReadText> reader_of(const blocklists::SourceSpec& source, const std::string& cache_path) {
  using blocklists::TakeText;
  if (source.kind != blocklists::SourceKind::kHttp)
    return [source](const TakeText& take) { return blocklists::read_text(source, take, kAsAdmitted); };
  if (cache_path.empty()) return std::nullopt;
  const auto cache = std::make_shared<blocklists::DownloadCache>(cache_path);
  if (!cache->open_copy(source.text)) return std::nullopt;
  return [cache, url = source.text](const TakeText& take) -> base::Result<std::uint64_t, std::string> {
    const auto copy = cache->open_copy(url);
    if (!copy) return base::Error{"the copy of " + url + " on disk is gone"};
    return blocklists::read_text(copy.get(), url, take, kAsAdmitted);
  };
}

std::vector<std::string> places_of(const std::vector<ListEntry>& entries) {
  std::vector<std::string> places;
  std::map<std::pair<Action, std::string>, std::size_t> next;
  for (const auto& entry : entries) {
    const std::string list = entry.action == Action::kAllow ? "blocking.allowlists." : "blocking.denylists.";
    places.push_back(list + entry.group + "[" + std::to_string(next[{entry.action, entry.group}]++) + "]");
  }
  return places;
}

void locate(std::vector<DecidingRule>& rules, const std::vector<ListEntry>& entries, const std::string& cache_path,
            const blocklists::ListParserOptions& options) {
  const auto places = places_of(entries);
  for (auto& rule : rules) {
    if (rule.source >= entries.size() || entries[rule.source].source.display_name() != rule.list ||
        entries[rule.source].group != rule.group) {
      rule.note = "the lists were exchanged meanwhile; ask again";
      continue;
    }
    rule.place = places[rule.source];
    if (const auto read = reader_of(entries[rule.source].source, cache_path)) find_line(rule, *read, options);
    else rule.note = "the text of the download is not kept: set blocking.loading.downloads.cachePath to see lines";
  }
}

}  // namespace rampart::control
