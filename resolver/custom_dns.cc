#include "resolver/custom_dns.h"

namespace rampart::resolver {

CustomDns::CustomDns(const base::HashKey& key, const CustomDnsOptions& options)
    : key_(key), forward_(key), reverse_(key), rewriter_(key, options.rewrite),
      filter_unmapped_types_(options.filter_unmapped_types), fallback_upstream_(options.fallback_upstream) {
  for (const auto& record : options.zone) {
    forward_.add(record.owner.view(), record.type, record.ttl, record.rdata);
    if (record.type == dns::RrType::kA)
      reverse_.add_reverse(base::IpAddress::v4(record.rdata.data()), record.owner.view(), options.ttl);
    if (record.type == dns::RrType::kAaaa)
      reverse_.add_reverse(base::IpAddress::v6(record.rdata.data()), record.owner.view(), options.ttl);
  }
  const std::size_t zone_names = forward_.names().size();
  for (const auto& [owner, addresses] : options.mapping) {
    dns::FoldedName folded;
    folded.assign(owner.view());
    blocklists::NameHashes hashes;
    blocklists::hash_suffixes(key, folded, hashes);
    if (forward_.names().find(folded, hashes) < zone_names) continue;
    for (const auto& address : addresses) {
      forward_.add(owner.view(), address, options.ttl);
      reverse_.add_reverse(address, owner.view(), options.ttl);
    }
  }
  forward_.seal();
  reverse_.seal();
}

std::vector<std::string> CustomDns::names_of(const base::IpAddress& address) const {
  return names_in(reverse_, key_, address);
}

std::vector<std::string> names_in(const RecordTable& reverse, const base::HashKey& key,
                                  const base::IpAddress& address) {
  dns::FoldedName name;
  name.assign(reverse_name(address).view());
  blocklists::NameHashes hashes;
  blocklists::hash_suffixes(key, name, hashes);
  std::vector<std::string> names;
  const auto id = reverse.names().find(name, hashes);
  if (id == NameIndex::kNone) return names;
  for (const LocalRecord& record : reverse.records(id))
    names.push_back(to_text(dns::NameView(reverse.rdata(record))));
  return names;
}

}  // namespace rampart::resolver
