// The compiled block lists of all groups: immutable, shared by all workers, one probe for each label of a name.
//
// The idea: each rule is the keyed hash of its name, kept as a fingerprint and a small rule-set ID in a
// table of cache-line buckets; the ID names which groups deny or allow it, exactly or with subdomains, and from
// which source. A blocked bloom filter in front spares the table for the most common case, a name that is on no
// list. The names themselves are not kept. A rule for some query types only (`$dnstype`) stands in the same table;
// its rule set says so, and only then is the query type looked at. Regexes (RE2::Set) are asked only when nothing
// cheaper decided; addresses have sorted tables of their own.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "base/keyed_hash.h"
#include "blocklists/name_hashes.h"
#include "blocklists/verdict.h"
#include "dns/name.h"
#include "dns/types.h"

namespace rampart::blocklists {

/// One list of one group, for attribution and statistics.
struct SourceInfo {
  std::string name;       ///< URL, path, or the first words of inline text
  std::uint8_t group = 0;
  Action action{};        ///< kDeny or kAllow
  std::uint64_t entries = 0;
};

struct FilterSetParts;

class FilterSet {
 public:
  FilterSet();
  ~FilterSet();
  FilterSet(const FilterSet&) = delete;
  FilterSet& operator=(const FilterSet&) = delete;

  /// Decides for a query name (or CNAME/SVCB target) of a query of this type. Allow beats deny across all of the
  /// client's groups; per group exact beats wildcard beats regex, and gives the one rule that is reported.
  /// Cost: one hash for each label, at most one probe for each that a rule could stand for; no lock, no allocation unless regexes are asked.
  [[nodiscard]] Verdict match(const dns::FoldedName& name, GroupMask client_groups,
                              dns::RrType qtype = dns::RrType::kA) const noexcept;

  /// The same with hashes that the caller keeps (made with key()): `hashes` belong to `name`.
  [[nodiscard]] Verdict match(const dns::FoldedName& name, const NameHashes& hashes, GroupMask client_groups,
                              dns::RrType qtype) const noexcept;

  /// Starts loading what match() reads for every name, for callers that work through a batch.
  void prefetch(const dns::FoldedName& name) const noexcept;
  void prefetch(const NameHashes& hashes) const noexcept;
  /// The second step: asks the bloom filter, which should have arrived, and starts loading what match() reads beyond
  /// it for a name that may be listed. Returns whether it may be; names of one label are not looked at.
  bool prefetch_listed(const NameHashes& hashes) const noexcept;
  /// The key of the hashes, the same for the life of the process.
  [[nodiscard]] const base::HashKey& key() const noexcept;

  /// Decides for an address in the answer to a query of this type.
  [[nodiscard]] Verdict match(const base::IpAddress& address, GroupMask client_groups,
                              dns::RrType qtype = dns::RrType::kA) const noexcept;

  /// True if answers must be inspected for these groups at all (addresses, or names for CNAME targets).
  [[nodiscard]] bool has_deny_rules(GroupMask client_groups) const noexcept;
  /// Groups that have allowlists but no denylists: for their clients everything else is blocked.
  [[nodiscard]] GroupMask allowlist_only_groups() const noexcept;

  [[nodiscard]] const std::vector<std::string>& groups() const noexcept;   ///< sorted; index = bit of GroupMask
  [[nodiscard]] const std::vector<SourceInfo>& sources() const noexcept;
  [[nodiscard]] std::string_view regex_text(std::uint32_t regex) const noexcept;  ///< without the slashes
  /// `$dnstype=AAAA` for RuleMatch::types; empty for a rule that holds for all query types.
  [[nodiscard]] std::string_view types_text(std::uint16_t types) const noexcept;
  [[nodiscard]] std::size_t memory_bytes() const noexcept;
  [[nodiscard]] std::uint64_t rule_count() const noexcept;
  /// Entries of one group after duplicates were removed (Blocky's cache_entries metrics).
  [[nodiscard]] std::uint64_t group_rule_count(std::size_t group, Action action) const noexcept;

 private:
  friend class FilterSetBuilder;
  std::unique_ptr<FilterSetParts> parts_;
};

}  // namespace rampart::blocklists
