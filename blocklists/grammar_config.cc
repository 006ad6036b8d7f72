// Lines of dnsmasq and unbound configuration that block names: `address=/x/`, `local=/x/`, `local-zone: "x"
// always_nxdomain`. Lines that forward names or answer with real data are no blocks; they are skipped. What a
// redirect zone of unbound is, only its local-data tell.
#include <algorithm>
#include <array>

#include "blocklists/list_grammar.h"

namespace rampart::blocklists {
namespace {

std::string_view unquoted(std::string_view text) noexcept {
  if (text.size() >= 2 && text.front() == text.back() && (text.front() == '"' || text.front() == '\'')) {
    return text.substr(1, text.size() - 2);
  }
  return text;
}

/// The first word, which may be quoted.
std::string_view next_word(std::string_view& rest) noexcept {
  rest = trim(rest);
  if (!rest.empty() && (rest.front() == '"' || rest.front() == '\'')) {
    const std::size_t end = rest.find(rest.front(), 1);
    if (end != std::string_view::npos) {
      const std::string_view word = rest.substr(1, end - 1);
      rest.remove_prefix(end + 1);
      return word;
    }
  }
  return next_column(rest);
}

bool is_one_of(std::string_view word, std::initializer_list<std::string_view> words) noexcept {
  return std::find(words.begin(), words.end(), word) != words.end();
}

}  // namespace

// address=/name/name/address: these names and their subdomains have this address; none, or `#`, means nowhere.
// server=/name/address and local=/name/: asked there; without an address, answered from local data only.
LineOutcome ListGrammar::read_dnsmasq(std::string_view key, std::string_view value) {
  if (!is_one_of(key, {"address", "server", "local"}) || !value.starts_with('/')) {
    return skipped(SkipCause::kConfiguration);
  }
  const std::size_t last_slash = value.rfind('/');
  if (last_slash == 0) return failed("a name must stand between slashes");
  const std::string_view target = value.substr(last_slash + 1);
  std::string_view names = value.substr(1, last_slash - 1);

  Rule rule{.kind = RuleKind::kWildcard};
  if (key == "address") {
    if (!target.empty() && target != "#" && !is_null_address(target)) {
      return base::IpAddress::parse(target) ? skipped(SkipCause::kRewrite) : failed("not an address behind the last slash");
    }
  } else if (target == "#") {
    rule.action = Action::kAllow;  // "use the standard servers": taken out of a wider block
  } else if (!target.empty()) {
    return skipped(SkipCause::kConfiguration);
  }

  LineOutcome outcome = rules_taken();
  while (true) {
    std::string_view name = names.substr(0, names.find('/'));
    const bool is_last = name.size() == names.size();
    names.remove_prefix(is_last ? names.size() : name.size() + 1);
    if (name.starts_with('.')) name.remove_prefix(1);
    if (name == "#" || name.starts_with('*')) {
      if (outcome.kind == LineOutcome::Kind::kRules) outcome = skipped(SkipCause::kUrlPattern);
    } else if (!add_name(name, rule)) {
      outcome = failed("not a name between slashes");
    }
    if (is_last) return outcome;
  }
}

LineOutcome ListGrammar::read_unbound(std::string_view key, std::string_view value) {
  if (key == "local-zone") return read_local_zone(value);
  if (key == "local-data") return read_local_data(value);
  return skipped(SkipCause::kConfiguration);
}

LineOutcome ListGrammar::read_local_zone(std::string_view value) {
  const std::string_view zone = next_word(value);
  const std::string_view type = next_word(value);
  Rule rule{.kind = RuleKind::kWildcard};
  if (is_one_of(type, {"redirect", "inform_redirect"})) return read_redirect_zone(zone);
  if (type == "always_transparent") {
    rule.action = Action::kAllow;
  } else if (is_one_of(type, {"transparent", "typetransparent", "inform", "nodefault", "noview", "ipset", "block_a"})) {
    return skipped(SkipCause::kConfiguration);
  } else if (!is_one_of(type, {"always_nxdomain", "always_null", "always_refuse", "always_nodata", "always_deny",
                               "static", "deny", "refuse", "inform_deny"})) {
    return failed("not a type of local-zone");
  }
  return add_name(zone, rule) ? rules_taken() : failed("not a name in local-zone");
}

// All names of the zone get its local-data, before or behind this line: it blocks if they say "nowhere", and sends
// searchers to the safe side of a search engine if they do not.
LineOutcome ListGrammar::read_redirect_zone(std::string_view zone) {
  const auto name = folder_.fold(zone);
  if (!name) return failed("not a name in local-zone");
  if (*name == null_owner_) {
    add_name(zone, {.kind = RuleKind::kWildcard});
    return rules_taken();
  }
  if (redirects_.size() < kRedirectsMax) redirects_.emplace(*name);
  return skipped(SkipCause::kRewrite);
}

LineOutcome ListGrammar::read_local_data(std::string_view value) {
  std::string_view record = unquoted(value);
  const std::string_view owner = next_column(record);
  // Behind the owner: [ttl] [class] type data
  for (int i = 0; i < 3; ++i) {
    const std::string_view word = next_column(record);
    if (!is_one_of(word, {"A", "AAAA", "a", "aaaa"})) continue;
    if (!is_null_address(trim(record))) return skipped(SkipCause::kRewrite);
    if (!add_name(owner, {.kind = RuleKind::kExact})) return failed("not a name in local-data");
    LineOutcome outcome = rules_taken();
    if (const auto name = folder_.fold(owner)) {
      null_owner_ = *name;
      outcome.revives_rewrite = redirects_.erase(null_owner_) != 0;
    }
    if (outcome.revives_rewrite) add_name(owner, {.kind = RuleKind::kWildcard});
    return outcome;
  }
  return skipped(SkipCause::kRewrite);
}

}  // namespace rampart::blocklists
