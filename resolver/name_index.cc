#include "resolver/name_index.h"

#include <cstring>

namespace rampart::resolver {

void NameIndex::grow() {
  const std::size_t count = slots_.empty() ? 16 : 2 * slots_.size();
  slots_.assign(count, 0);
  for (std::uint32_t id = 0; id < entries_.size(); ++id) {
    std::size_t at = entries_[id].hash & (count - 1);
    while (slots_[at] != 0) at = (at + 1) & (count - 1);
    slots_[at] = id + 1;
  }
}

std::uint32_t NameIndex::add(dns::NameView name) {
  dns::FoldedName folded;
  folded.assign(name);
  blocklists::NameHashes hashes;
  blocklists::hash_suffixes(key_, folded, hashes);
  const std::uint64_t hash = folded.label_count == 0 ? 0 : hashes.suffix[0];
  if (const auto known = find(hash, folded.view()); known != kNone) return known;
  if (2 * (entries_.size() + 1) > slots_.size()) grow();
  const auto id = static_cast<std::uint32_t>(entries_.size());
  entries_.push_back({hash, static_cast<std::uint32_t>(octets_.size()), folded.length});
  octets_.insert(octets_.end(), folded.wire.begin(), folded.wire.begin() + folded.length);
  depths_.set(folded.label_count);
  std::size_t at = hash & (slots_.size() - 1);
  while (slots_[at] != 0) at = (at + 1) & (slots_.size() - 1);
  slots_[at] = id + 1;
  return id;
}

std::uint32_t NameIndex::find(std::uint64_t hash, dns::NameView folded) const noexcept {
  if (slots_.empty()) return kNone;
  const base::ByteView wire = folded.wire();
  for (std::size_t at = hash & (slots_.size() - 1); slots_[at] != 0; at = (at + 1) & (slots_.size() - 1)) {
    const Entry& entry = entries_[slots_[at] - 1];
    if (entry.hash == hash && entry.length == wire.size() &&
        std::memcmp(octets_.data() + entry.at, wire.data(), wire.size()) == 0)
      return slots_[at] - 1;
  }
  return kNone;
}

NameIndex::Hit NameIndex::find_longest(const dns::FoldedName& name, const blocklists::NameHashes& hashes,
                                       std::size_t from_label) const noexcept {
  for (std::size_t i = from_label; i < name.label_count; ++i) {
    if (!depths_[name.label_count - i]) continue;
    if (const auto id = find(hashes.suffix[i], name.suffix(i)); id != kNone)
      return {id, static_cast<std::uint8_t>(i)};
  }
  return {};
}

}  // namespace rampart::resolver
