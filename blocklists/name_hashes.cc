#include "blocklists/name_hashes.h"

#include <cstddef>
#include <cstring>

#include "base/bytes.h"

namespace rampart::blocklists {
namespace {

base::Hash128 first_state(const base::HashKey& key) noexcept { return {key.k0, key.k1}; }

// absorb_bytes() for a label inside a FoldedName: there are always 8 octets to read, so the tail needs no branch on
// its length, which a processor cannot predict.
base::Hash128 absorb_label(const base::HashKey& key, base::Hash128 state, const std::uint8_t* label,
                           std::size_t length) noexcept {
  const std::size_t total = length;
  std::uint64_t word;
  while (length > 8) {
    std::memcpy(&word, label, 8);
    state = base::absorb(key, state, word);
    label += 8;
    length -= 8;
  }
  std::memcpy(&word, label, 8);
  return base::absorb_tail(key, state, word & (~std::uint64_t{0} >> (64 - 8 * length)), total);
}

}  // namespace

void hash_suffixes(const base::HashKey& key, const dns::FoldedName& name, NameHashes& out) noexcept {
  base::Hash128 state = first_state(key);
  out.count = name.label_count;
  // The octets behind `wire` that absorb_label() may touch belong to the name as well.
  static_assert(offsetof(dns::FoldedName, wire) + sizeof(dns::FoldedName::wire) + 8 <= sizeof(dns::FoldedName));
  const auto* octets = reinterpret_cast<const std::uint8_t*>(&name) + offsetof(dns::FoldedName, wire);
  for (std::size_t i = name.label_count; i-- > 0;) {
    const std::uint8_t* label = octets + name.label_at[i];
    state = absorb_label(key, state, label + 1, label[0]);
    out.suffix[i] = state.lo;
  }
  out.full = state;
}

std::uint64_t hash_name_text(const base::HashKey& key, std::string_view name) noexcept {
  base::Hash128 state = first_state(key);
  const std::uint8_t* text = base::as_bytes(name).data();
  std::size_t end = name.size();
  while (true) {
    std::size_t begin = end;
    while (begin > 0 && text[begin - 1] != '.') --begin;
    state = base::absorb_bytes(key, state, text + begin, end - begin);
    if (begin == 0) return state.lo;
    end = begin - 1;
  }
}

}  // namespace rampart::blocklists
