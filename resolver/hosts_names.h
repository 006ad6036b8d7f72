// Names from hosts files (`hostsFile`): one address of each family for a name, found by exactly this name, and the
// names of an address (PTR). Everything else about such a name is left to the stages below.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "dns/hosts_text.h"
#include "resolver/record_table.h"

namespace rampart::resolver {

class HostsNames {
 public:
  /// The answer: at most one address, or the names of an address; empty if hosts files say nothing.
  [[nodiscard]] std::span<const LocalRecord> find(const dns::FoldedName& name, const blocklists::NameHashes& hashes,
                                                  dns::RrType qtype) const noexcept;
  /// Of a record that find() gave for this type.
  [[nodiscard]] base::ByteView rdata(const LocalRecord& record) const noexcept {
    return record.type == dns::RrType::kPtr ? reverse_.rdata(record) : forward_.rdata(record);
  }
  /// Names that an address has here, without final dot; slow. For client names.
  [[nodiscard]] std::vector<std::string> names_of(const base::IpAddress& address) const;
  [[nodiscard]] std::size_t name_count() const noexcept { return forward_.names().size(); }
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return forward_.memory_bytes() + reverse_.memory_bytes();
  }

 private:
  friend class HostsNamesBuilder;
  explicit HostsNames(const base::HashKey& key) : key_(key), forward_(key), reverse_(key) {}

  base::HashKey key_;
  RecordTable forward_;
  RecordTable reverse_;
};

/// Puts lines of several files together. A later line replaces an earlier one with the same first name and family;
/// further names of a line count where no line has them as its first.
class HostsNamesBuilder {
 public:
  /// About 100 MB; what is larger is a block list, and belongs to `blocking`.
  static constexpr std::size_t kNamesMax = 1'000'000;

  HostsNamesBuilder(const base::HashKey& key, std::uint32_t ttl, bool filter_loopback,
                    std::size_t names_max = kNamesMax)
      : names_(key), key_(key), ttl_(ttl), filter_loopback_(filter_loopback), names_max_(names_max) {}

  /// False: too many names; the line is not taken.
  bool add(const dns::HostsLine& line);
  [[nodiscard]] std::shared_ptr<const HostsNames> build() const;

 private:
  struct Line {
    base::IpAddress address;
    std::uint32_t name;
    std::uint32_t aliases_at;
    std::uint32_t alias_count;
  };
  /// Numbers of lines, counted from 1; 0: none. Index 0 for IPv4, 1 for IPv6.
  struct Slots {
    std::uint32_t as_first[2] = {0, 0};
    std::uint32_t as_alias[2] = {0, 0};
  };
  Slots& slots(std::uint32_t name);

  NameIndex names_;
  std::vector<Slots> slots_;
  std::vector<Line> lines_;
  std::vector<std::uint32_t> aliases_;
  base::HashKey key_;
  std::uint32_t ttl_;
  bool filter_loopback_;
  std::size_t names_max_;
};

}  // namespace rampart::resolver
