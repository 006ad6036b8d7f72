#include "resolver/rewriter.h"

#include <algorithm>

namespace rampart::resolver {

Rewriter::Rewriter(const base::HashKey& key, const std::vector<std::pair<dns::Name, dns::Name>>& suffixes)
    : keys_(key) {
  for (const auto& [from, to] : suffixes)
    if (keys_.add(from.view()) == values_.size()) values_.push_back(to);
}

bool Rewriter::rewrite(const dns::FoldedName& name, const blocklists::NameHashes& hashes,
                       dns::FoldedName& out) const noexcept {
  if (values_.empty()) return false;
  const auto hit = keys_.find_longest(name, hashes, 1);
  if (!hit) return false;
  const std::size_t kept = name.label_at[hit.labels_skipped];
  const base::ByteView value = values_[hit.id].wire();
  if (kept + value.size() > dns::kNameBytesMax) return false;
  std::array<std::uint8_t, dns::kNameBytesMax> wire;
  std::copy_n(name.wire.data(), kept, wire.data());
  std::copy(value.begin(), value.end(), wire.begin() + static_cast<std::ptrdiff_t>(kept));
  out.assign(dns::NameView({wire.data(), kept + value.size()}));
  return true;
}

}  // namespace rampart::resolver
