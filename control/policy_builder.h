// From configuration, lists and switches to the PolicySnapshot that workers adopt. Everything that can be worked out
// ahead of a query is worked out here.
#pragma once

#include <ctime>
#include <memory>
#include <vector>

#include "control/blocking_switch.h"
#include "control/cache_group_numbers.h"
#include "control/client_hosts.h"
#include "control/config.h"
#include "control/list_catalog.h"
#include "control/list_slots.h"
#include "resolver/client_names.h"
#include "resolver/policy.h"

namespace rampart::control {

/// All configured lists, in the order denylists, allowlists, by group.
[[nodiscard]] std::vector<ListEntry> list_entries(const Blocking& blocking);

[[nodiscard]] std::vector<std::string> deny_groups(const Blocking& blocking);

/// How they are read.
[[nodiscard]] ListCatalogOptions list_options(const Loading& loading);
/// With the admission gate, and list hosts looked up by `bootstrapDns` if that is set.
[[nodiscard]] ListCatalogOptions list_options(const Config& config);

/// Who is asked for names of clients; nobody for a server that does not speak classic DNS (a finding says so).
[[nodiscard]] resolver::ClientNamesOptions client_names_options(const Config& config);

class PolicyBuilder {
 public:
  /// Takes the parts that only change with the configuration.
  void adopt(const Config& config);
  /// Where the host names among the client identifiers are now.
  void set_client_hosts(HostAddressTable hosts) { client_hosts_ = std::move(hosts); }

  /// For the snapshots to come. Null: none.
  void set_hosts(std::shared_ptr<const resolver::HostsNames> hosts) { hosts_ = std::move(hosts); }

  /// `local` is the wall clock broken down in local time: it decides about schedules.
  [[nodiscard]] std::shared_ptr<const resolver::PolicySnapshot> build(
      std::shared_ptr<const blocklists::FilterSet> filter, const BlockingSwitch& blocking, const std::tm& local);

  /// Of all lists that were ever in force.
  [[nodiscard]] const ListSlotTable& list_slots() const noexcept { return list_slots_; }

  /// The groups that are in force now; when it changes, a new snapshot is due.
  [[nodiscard]] blocklists::GroupMask active_groups(const blocklists::FilterSet& filter,
                                                    const BlockingSwitch& blocking, const std::tm& local) const;

 private:
  [[nodiscard]] resolver::ClientTable client_table(const blocklists::FilterSet& filter) const;

  Config config_;
  HostAddressTable client_hosts_;
  std::shared_ptr<const resolver::UpstreamSet> upstreams_;
  CacheGroupNumbers cache_group_numbers_;
  std::vector<std::uint32_t> cache_groups_;
  std::shared_ptr<const resolver::CustomDns> custom_dns_;
  std::shared_ptr<const resolver::Conditional> conditional_;
  std::shared_ptr<const resolver::HostsNames> hosts_;
  std::shared_ptr<resolver::RateLimiter> rate_limiter_;
  std::optional<resolver::RebindingGuard> rebinding_;
  std::vector<std::shared_ptr<const re2::RE2>> excluded_;
  ListSlotTable list_slots_;
  std::uint64_t generation_ = 0;
};

}  // namespace rampart::control
