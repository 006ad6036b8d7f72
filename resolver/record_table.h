// Records by name, ready to be written into an answer: what custom names and hosts files become. Filled by
// one thread, then sealed and only read; a lookup neither locks nor allocates.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/ip_address.h"
#include "dns/types.h"
#include "resolver/name_index.h"

namespace rampart::resolver {

struct LocalRecord {
  std::uint32_t ttl;
  std::uint32_t rdata_at;
  std::uint16_t rdata_length;
  dns::RrType type;
};

class RecordTable {
 public:
  explicit RecordTable(const base::HashKey& key) : names_(key) {}

  /// Before seal(). Records of one name keep their order. At most 4 GiB of RDATA, which the readers' own bounds on
  /// text and records see to.
  void add(dns::NameView owner, dns::RrType type, std::uint32_t ttl, base::ByteView rdata);
  void add(dns::NameView owner, const base::IpAddress& address, std::uint32_t ttl);
  /// `target` as the PTR of `address`.
  void add_reverse(const base::IpAddress& address, dns::NameView target, std::uint32_t ttl);
  void seal();

  [[nodiscard]] const NameIndex& names() const noexcept { return names_; }
  /// Of the name with this number; after seal().
  [[nodiscard]] std::span<const LocalRecord> records(std::uint32_t id) const noexcept {
    return std::span(records_).subspan(first_[id], first_[id + 1] - first_[id]);
  }
  [[nodiscard]] base::ByteView rdata(const LocalRecord& record) const noexcept {
    return base::ByteView(rdata_).subspan(record.rdata_at, record.rdata_length);
  }
  [[nodiscard]] std::size_t record_count() const noexcept { return records_.size(); }
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return names_.memory_bytes() + records_.capacity() * sizeof(LocalRecord) + rdata_.capacity() +
           first_.capacity() * sizeof(std::uint32_t);
  }

 private:
  NameIndex names_;
  std::vector<LocalRecord> records_;
  std::vector<std::uint32_t> owners_;  ///< of records_, until seal()
  std::vector<std::uint32_t> first_;   ///< where the records of each name begin, and one end
  std::vector<std::uint8_t> rdata_;
};

/// `1.2.0.192.in-addr.arpa` or the nibbles under ip6.arpa (RFC 1035 3.5, RFC 3596 2.5).
[[nodiscard]] dns::Name reverse_name(const base::IpAddress& address);

}  // namespace rampart::resolver
