#include "resolver/hosts_names.h"

#include <set>

#include "resolver/custom_dns.h"

namespace rampart::resolver {
namespace {

// "localhost" in wire format.
constexpr std::uint8_t kLocalhost[] = "\x09localhost";

bool is_localhost(dns::NameView name) noexcept {
  return dns::equal_ignoring_case(name, dns::NameView({kLocalhost, sizeof(kLocalhost)}));
}

}  // namespace

std::span<const LocalRecord> HostsNames::find(const dns::FoldedName& name, const blocklists::NameHashes& hashes,
                                              dns::RrType qtype) const noexcept {
  const bool is_reverse = qtype == dns::RrType::kPtr;
  if (!is_reverse && qtype != dns::RrType::kA && qtype != dns::RrType::kAaaa) return {};
  const RecordTable& table = is_reverse ? reverse_ : forward_;
  const auto id = table.names().find(name, hashes);
  if (id == NameIndex::kNone) return {};
  const auto records = table.records(id);
  if (is_reverse) return records;
  for (std::size_t i = 0; i < records.size(); ++i)
    if (records[i].type == qtype) return records.subspan(i, 1);
  return {};
}

std::vector<std::string> HostsNames::names_of(const base::IpAddress& address) const {
  return names_in(reverse_, key_, address);
}

HostsNamesBuilder::Slots& HostsNamesBuilder::slots(std::uint32_t name) {
  if (name >= slots_.size()) slots_.resize(name + 1);
  return slots_[name];
}

bool HostsNamesBuilder::add(const dns::HostsLine& line) {
  if (filter_loopback_ && (line.address.is_loopback() || is_localhost(line.name.view()))) return true;
  if (names_.size() + 1 + line.aliases.size() > names_max_) return false;
  const std::size_t family = line.address.is_v4() ? 0 : 1;
  const auto number = static_cast<std::uint32_t>(lines_.size() + 1);
  Line& added = lines_.emplace_back();
  added = {line.address, names_.add(line.name.view()), static_cast<std::uint32_t>(aliases_.size()),
           static_cast<std::uint32_t>(line.aliases.size())};
  slots(added.name).as_first[family] = number;
  for (const auto& alias : line.aliases) {
    aliases_.push_back(names_.add(alias.view()));
    slots(aliases_.back()).as_alias[family] = number;
  }
  return true;
}

std::shared_ptr<const HostsNames> HostsNamesBuilder::build() const {
  std::shared_ptr<HostsNames> names(new HostsNames(key_));
  for (std::uint32_t id = 0; id < slots_.size(); ++id) {
    for (const std::size_t family : {0, 1}) {
      const std::uint32_t first = slots_[id].as_first[family];
      const std::uint32_t number = first != 0 ? first : slots_[id].as_alias[family];
      if (number != 0) names->forward_.add(names_.name(id), lines_[number - 1].address, ttl_);
    }
  }
  std::set<base::IpAddress> seen;  // of several lines with one address the first counts
  for (std::uint32_t number = 1; number <= lines_.size(); ++number) {
    const Line& line = lines_[number - 1];
    if (slots_[line.name].as_first[line.address.is_v4() ? 0 : 1] != number) continue;  // replaced
    if (!seen.insert(line.address).second) continue;
    names->reverse_.add_reverse(line.address, names_.name(line.name), ttl_);
    for (std::uint32_t i = 0; i < line.alias_count; ++i)
      names->reverse_.add_reverse(line.address, names_.name(aliases_[line.aliases_at + i]), ttl_);
  }
  names->forward_.seal();
  names->reverse_.seal();
  return names;
}

}  // namespace rampart::resolver
