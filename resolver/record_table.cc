#include "resolver/record_table.h"

#include <string>

namespace rampart::resolver {

void RecordTable::add(dns::NameView owner, dns::RrType type, std::uint32_t ttl, base::ByteView rdata) {
  owners_.push_back(names_.add(owner));
  records_.push_back(
      {ttl, static_cast<std::uint32_t>(rdata_.size()), static_cast<std::uint16_t>(rdata.size()), type});
  rdata_.insert(rdata_.end(), rdata.begin(), rdata.end());
}

void RecordTable::add(dns::NameView owner, const base::IpAddress& address, std::uint32_t ttl) {
  add(owner, address.is_v4() ? dns::RrType::kA : dns::RrType::kAaaa, ttl, address.octets());
}

void RecordTable::add_reverse(const base::IpAddress& address, dns::NameView target, std::uint32_t ttl) {
  add(reverse_name(address).view(), dns::RrType::kPtr, ttl, target.wire());
}

// A counting sort: the records of each name come to stand together, in the order in which they were added.
void RecordTable::seal() {
  first_.assign(names_.size() + 1, 0);
  for (const std::uint32_t id : owners_) ++first_[id + 1];
  for (std::size_t i = 1; i < first_.size(); ++i) first_[i] += first_[i - 1];
  std::vector<std::uint32_t> next(first_.begin(), first_.end() - 1);
  std::vector<LocalRecord> sorted(records_.size());
  for (std::size_t i = 0; i < records_.size(); ++i) sorted[next[owners_[i]]++] = records_[i];
  records_ = std::move(sorted);
  owners_ = {};
}

dns::Name reverse_name(const base::IpAddress& address) {
  const auto octets = address.octets();
  std::string text;
  if (address.is_v4()) {
    for (std::size_t i = octets.size(); i-- > 0;) text += std::to_string(octets[i]) + '.';
    text += "in-addr.arpa";
  } else {
    constexpr char kHex[] = "0123456789abcdef";
    for (std::size_t i = octets.size(); i-- > 0;) {
      text += {kHex[octets[i] & 0xf], '.', kHex[octets[i] >> 4], '.'};
    }
    text += "ip6.arpa";
  }
  return *dns::Name::parse(text);  // always a name
}

}  // namespace rampart::resolver
