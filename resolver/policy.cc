#include "resolver/policy.h"

#include <algorithm>
#include <cctype>

#include "base/glob.h"
#include "resolver/client_name_store.h"
#include "resolver/custom_dns.h"
#include "resolver/hosts_names.h"

namespace rampart::resolver {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

std::vector<std::string> names_of(const std::vector<std::pair<base::IpAddress, std::string>>& table,
                                  const base::IpAddress& client) {
  std::vector<std::string> names;
  auto it = std::lower_bound(table.begin(), table.end(), client,
                             [](const auto& entry, const base::IpAddress& key) { return entry.first < key; });
  for (; it != table.end() && it->first == client; ++it) names.push_back(it->second);
  return names;
}

}  // namespace

// As Blocky: the order is for names that were found, not for those that were given.
std::optional<std::vector<std::string>> ClientTable::names_here(const base::IpAddress& client) const {
  if (auto names = names_of(static_names, client); !names.empty()) return names;
  std::vector<std::string> found;
  if (custom_dns) found = custom_dns->names_of(client);
  if (found.empty() && hosts) found = hosts->names_of(client);
  if (found.empty()) return std::nullopt;
  if (single_name_order.empty()) return found;
  for (const std::uint32_t number : single_name_order)
    if (number > 0 && number <= found.size()) return std::vector{found[number - 1]};
  return std::vector<std::string>();
}

ClientIdentity ClientTable::identify(const base::IpAddress& client,
                                     const std::optional<std::vector<std::string>>& learned) const {
  if (const auto names = names_here(client)) return identify_as(client, *names);
  if (learned) return identify_as(client, *learned);
  return identify_as(client, {client.to_string()});  // a name like any other, also to patterns
}

ClientIdentity ClientTable::identify_as(const base::IpAddress& client, const std::vector<std::string>& names) const {
  ClientIdentity identity;
  bool matched = false;
  for (const auto& rule : rules) {
    if (!rule.range.contains(client)) continue;
    identity.groups |= rule.groups;
    matched = true;
  }
  bool upstream_found = false;
  for (const auto& rule : upstream_rules) {
    if (rule.range.prefix != (client.is_v4() ? 32 : 128) || !rule.range.contains(client)) continue;
    identity.upstream_group = rule.group;
    upstream_found = true;
    break;
  }
  for (const auto& name : names) {
    const std::string key = lower(name);
    if (const auto it = groups_by_name.find(key); it != groups_by_name.end()) {
      identity.groups |= it->second;
      matched = true;
    }
    for (const auto& [glob, groups] : groups_by_glob) {
      if (!base::glob_matches(glob, key)) continue;
      identity.groups |= groups;
      matched = true;
    }
    for (const auto& [glob, group] : upstream_by_glob) {
      if (upstream_found || !base::glob_matches(glob, key)) continue;
      identity.upstream_group = group;
      upstream_found = true;
    }
  }
  for (const auto& rule : upstream_rules) {
    if (upstream_found) break;
    if (!rule.range.contains(client)) continue;
    identity.upstream_group = rule.group;
    upstream_found = true;
  }
  if (!matched) identity.groups = default_groups;
  identity.cache_group = cache_group_of(identity.upstream_group);

  if (names.empty()) {
    identity.names = client.to_string();
    return identity;
  }
  identity.name_count = 1;
  identity.names = names.front();
  for (std::size_t i = 1; i < std::min(names.size(), kClientNamesMax); ++i) {
    if (identity.names.size() + 1 + names[i].size() > kClientNamesBytesMax) break;
    identity.names += '\n' + names[i];
    ++identity.name_count;
  }
  return identity;
}

}  // namespace rampart::resolver
