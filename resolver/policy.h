// The policy in force: everything that decides about a query, as one immutable object. It is built unseen by
// control/, published whole, and adopted by each worker between two batches; it reaches the pipeline as a
// `const&` argument, never through a global.
#pragma once

#include <array>
#include <bitset>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/ip_address.h"
#include "base/time.h"
#include "blocklists/filter_set.h"
#include "dns/types.h"
#include "resolver/list_hits.h"
#include "resolver/rebinding.h"

namespace re2 {
class RE2;
}

namespace rampart::resolver {

/// How a blocked name is answered (Blocky's blockType).
struct BlockAnswer {
  enum class Kind : std::uint8_t { kZeroIp, kNxDomain, kAddresses } kind = Kind::kZeroIp;
  std::vector<base::IpAddress> v4;  ///< for kAddresses; an empty family falls back to the zero address
  std::vector<base::IpAddress> v6;
};

/// Names of one client that are shown; more than that is a mistake in a table of names.
inline constexpr std::size_t kClientNamesMax = 16;

/// What is known about a client, found by its address.
struct ClientIdentity {
  blocklists::GroupMask groups = 0;     ///< of the client's list groups, before schedules and switches
  std::uint16_t upstream_group = 0;
  std::uint32_t cache_group = 0;        ///< ClientTable::cache_group_of() it
  std::string names;                    ///< joined by '\n'; the address text when nothing better is known
  std::uint8_t name_count = 1;
};

class CustomDns;
class HostsNames;

/// Client address -> identity. Built once, then only read.
class ClientTable {
 public:
  struct Rule {
    base::IpRange range;
    blocklists::GroupMask groups = 0;
  };
  struct UpstreamRule {
    base::IpRange range;
    std::uint16_t group = 0;
  };

  blocklists::GroupMask default_groups = 0;  ///< used when no rule matches
  std::vector<Rule> rules;                   ///< every matching rule adds its groups
  std::vector<UpstreamRule> upstream_rules;  ///< exact addresses first, then longest prefix
  std::unordered_map<std::string, blocklists::GroupMask> groups_by_name;  ///< exact client names, lower case
  std::vector<std::pair<std::string, blocklists::GroupMask>> groups_by_glob;
  std::vector<std::pair<std::string, std::uint16_t>> upstream_by_glob;
  /// By upstream group: the number that stands for it in the keys of the cache, which no other group of the process
  /// ever has. The place of a group in its list changes with a reload. Empty: the places themselves.
  std::vector<std::uint32_t> cache_groups;
  std::vector<std::pair<base::IpAddress, std::string>> static_names;  ///< clientLookup.clients, sorted by address

  std::shared_ptr<const CustomDns> custom_dns;   ///< whose addresses name clients, too; null: none
  std::shared_ptr<const HostsNames> hosts;       ///< the same, where custom_dns does not know the address
  std::vector<std::uint32_t> single_name_order;  ///< which of several names of these two counts, from 1; empty: all

  bool learns_names = false;                 ///< clients that have no name here are to be looked up

  /// Slow (allocates): a worker asks once for each client and remembers the answer.
  /// `learned` comes from a reverse look-up and is used only if no name is known here; nullopt: nothing was learned,
  /// and the address is the name.
  [[nodiscard]] ClientIdentity identify(const base::IpAddress& client,
                                        const std::optional<std::vector<std::string>>& learned) const;
  /// The same for a client that says its name itself (client ID of DoH), which counts before all others.
  [[nodiscard]] ClientIdentity identify_as(const base::IpAddress& client, const std::vector<std::string>& names) const;
  [[nodiscard]] std::uint32_t cache_group_of(std::uint16_t upstream_group) const noexcept {
    return upstream_group < cache_groups.size() ? cache_groups[upstream_group] : upstream_group;
  }
  /// Slow, like identify().
  [[nodiscard]] bool is_named_here(const base::IpAddress& client) const { return names_here(client).has_value(); }

 private:
  /// Static, else from records of our own; nullopt: nobody here knows the client.
  [[nodiscard]] std::optional<std::vector<std::string>> names_here(const base::IpAddress& client) const;
};

struct CachePolicy {
  bool enabled = true;
  std::uint32_t min_ttl = 0;            ///< seconds; 0 = no lower clamp
  std::uint32_t max_ttl = 0;            ///< seconds; 0 = no upper clamp
  std::uint32_t negative_ttl = 1800;    ///< cap for negative answers; 0 = they are not cached
  bool prefetch = false;
  bool serve_stale = false;
  std::uint32_t stale_answer_ttl = 30;  ///< seconds (RFC 8767 4)
  /// With serve_stale: a client that has waited so long for a fresh answer gets the expired one (RFC 8767 5).
  base::Duration stale_client_timeout = std::chrono::milliseconds(1800);
  std::vector<std::shared_ptr<const re2::RE2>> exclude;  ///< names that are neither read nor written
};

class Conditional;
class RateLimiter;
struct UpstreamSet;

/// `ports.proxyProtocol`: a balancer stands before a listener and says in front of each stream who its client is.
struct ProxyTrust {
  bool dns = false;                     ///< required on TCP listeners of `ports.dns`
  std::vector<base::IpRange> trusted;   ///< whose headers are believed; empty: those of all who reach the listener
};

struct PolicySnapshot {
  std::uint64_t generation = 0;
  std::shared_ptr<const blocklists::FilterSet> filter;
  std::shared_ptr<const UpstreamSet> upstreams;
  std::shared_ptr<const CustomDns> custom_dns;      ///< null: none
  std::shared_ptr<const HostsNames> hosts;          ///< null: no hosts file
  std::shared_ptr<const Conditional> conditional;   ///< null: no domain has upstreams of its own
  bool has_rewrite_fallback = false;                ///< of custom names or conditional forwarding
  ListSlots list_slots;                            ///< for counting hits
  bool blocking_configured = false;               ///< clientGroupsBlock has entries
  blocklists::GroupMask active_groups = ~0ULL;    ///< after schedules and the on/off switch
  ClientTable clients;
  BlockAnswer block_answer;
  std::vector<std::pair<blocklists::GroupMask, BlockAnswer>> group_block_answers;  ///< first match wins
  std::uint32_t block_ttl = 21600;
  std::shared_ptr<RateLimiter> rate_limiter;      ///< outlives the snapshot, as buckets must; null: no limit
  std::optional<RebindingGuard> rebinding;
  ProxyTrust proxies;
  std::bitset<65536> filtered_types;
  bool filters_types = false;
  bool fqdn_only = false;
  bool extended_errors = false;
  bool special_use = true;
  bool special_use_appendix_g = true;
  CachePolicy cache;
  std::string version_text;                       ///< answer to version.bind; empty = refused
  std::string identity_text;                      ///< answer to id.server; empty = refused
  bool hides_names = false;                       ///< log.privacy: no names of queries in log lines

  /// Stamp of cached answers that no rule of this filter touches; never 0.
  [[nodiscard]] std::uint16_t inspection_stamp() const noexcept {
    return static_cast<std::uint16_t>(generation % 65535 + 1);
  }
};

}  // namespace rampart::resolver
