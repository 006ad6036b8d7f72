#include "resolver/policy.h"

#include <algorithm>
#include <cctype>

#include "base/glob.h"

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

bool ClientTable::has_static_name(const base::IpAddress& client) const {
  const auto it = std::lower_bound(static_names.begin(), static_names.end(), client,
                                   [](const auto& entry, const base::IpAddress& key) { return entry.first < key; });
  return it != static_names.end() && it->first == client;
}

ClientIdentity ClientTable::identify(const base::IpAddress& client,
                                     const std::optional<std::vector<std::string>>& learned) const {
  if (const auto names = names_of(static_names, client); !names.empty()) return identify_as(client, names);
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

  if (names.empty()) {
    identity.names = client.to_string();
    return identity;
  }
  identity.name_count = static_cast<std::uint8_t>(std::min(names.size(), kClientNamesMax));
  for (std::size_t i = 0; i < identity.name_count; ++i) {
    if (i > 0) identity.names += '\n';
    identity.names += names[i];
  }
  return identity;
}

}  // namespace rampart::resolver
