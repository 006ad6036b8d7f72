// Names of one's own (`customDNS`): addresses by `mapping`, records by `zone`. A name that is defined here holds
// for all names below it too; its answer is given under the name that was asked. A CNAME is followed, here and,
// where its target is not ours, through the stages below. The addresses of all names are known backwards (PTR).
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/ip_address.h"
#include "dns/name.h"
#include "dns/zone_text.h"
#include "resolver/record_table.h"
#include "resolver/rewriter.h"

namespace rampart::resolver {

struct CustomDnsOptions {
  std::vector<std::pair<dns::Name, std::vector<base::IpAddress>>> mapping;
  std::vector<dns::ZoneRecord> zone;  ///< a name that stands here is not mapped
  std::vector<std::pair<dns::Name, dns::Name>> rewrite;
  std::uint32_t ttl = 3600;           ///< of mapped names, and of all PTR records
  bool filter_unmapped_types = true;  ///< a name has no other types than those given
  bool fallback_upstream = false;     ///< where a rewritten name has no answer, the original one is asked

  [[nodiscard]] bool empty() const noexcept { return mapping.empty() && zone.empty() && rewrite.empty(); }
};

class CustomDns {
 public:
  /// A chain of more CNAMEs ends in SERVFAIL, and so does a loop, which is one. Resolvers at large follow 8 to 16.
  static constexpr unsigned kCnamesMax = 16;

  CustomDns(const base::HashKey& key, const CustomDnsOptions& options);

  enum class Outcome : std::uint8_t {
    kUnknown,  ///< not ours
    kAnswer,   ///< all of it was visited
    kEmpty,    ///< the name is ours, but has no such type
    kOutside,  ///< CNAMEs were visited, and the rest is not ours: `name` is where they led
    kLoop,     ///< too many CNAMEs
  };
  /// Looks `name` up and follows its CNAMEs; `name` and `hashes` move along. Calls `visit(std::size_t link, const
  /// LocalRecord&)` for each record: link 0 belongs to the name that was asked, link n to the target of the n-th
  /// CNAME.
  template <class Visit>
  Outcome resolve(dns::FoldedName& name, blocklists::NameHashes& hashes, dns::RrType qtype, Visit&& visit) const;

  /// The answer to a PTR question for the address of one of our names; empty if it is none.
  [[nodiscard]] std::span<const LocalRecord> pointers(const dns::FoldedName& name,
                                                      const blocklists::NameHashes& hashes) const noexcept {
    const auto id = reverse_.names().find(name, hashes);
    return id == NameIndex::kNone ? std::span<const LocalRecord>() : reverse_.records(id);
  }

  [[nodiscard]] base::ByteView rdata(const LocalRecord& record) const noexcept { return forward_.rdata(record); }
  [[nodiscard]] base::ByteView pointer_rdata(const LocalRecord& record) const noexcept {
    return reverse_.rdata(record);
  }
  [[nodiscard]] const Rewriter& rewriter() const noexcept { return rewriter_; }
  [[nodiscard]] bool fallback_upstream() const noexcept { return fallback_upstream_; }
  /// Names that an address has here, without final dot; slow. For client names.
  [[nodiscard]] std::vector<std::string> names_of(const base::IpAddress& address) const;
  [[nodiscard]] std::size_t record_count() const noexcept { return forward_.record_count(); }

 private:
  base::HashKey key_;
  RecordTable forward_;
  RecordTable reverse_;
  Rewriter rewriter_;
  bool filter_unmapped_types_;
  bool fallback_upstream_;
};

template <class Visit>
CustomDns::Outcome CustomDns::resolve(dns::FoldedName& name, blocklists::NameHashes& hashes, dns::RrType qtype,
                                      Visit&& visit) const {
  for (unsigned link = 0;; ++link) {
    const auto hit = forward_.names().find_longest(name, hashes);
    if (!hit) return link == 0 ? Outcome::kUnknown : Outcome::kOutside;
    const LocalRecord* cname = nullptr;
    bool has_type = false;
    for (const LocalRecord& record : forward_.records(hit.id)) {
      if (record.type == qtype) {
        visit(link, record);
        has_type = true;
      } else if (record.type == dns::RrType::kCname && cname == nullptr) {
        cname = &record;
      }
    }
    if (has_type) return Outcome::kAnswer;
    if (cname == nullptr) {
      if (filter_unmapped_types_) return link == 0 ? Outcome::kEmpty : Outcome::kAnswer;
      return link == 0 ? Outcome::kUnknown : Outcome::kOutside;
    }
    if (link == kCnamesMax) return Outcome::kLoop;
    visit(link, *cname);
    name.assign(dns::NameView(forward_.rdata(*cname)));
    blocklists::hash_suffixes(key_, name, hashes);
  }
}

/// Names that a sealed table of PTR records gives to an address, without final dot.
[[nodiscard]] std::vector<std::string> names_in(const RecordTable& reverse, const base::HashKey& key,
                                                const base::IpAddress& address);

}  // namespace rampart::resolver
