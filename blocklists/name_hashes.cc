#include "blocklists/name_hashes.h"

#include "base/bytes.h"

namespace rampart::blocklists {
namespace {

base::Hash128 first_state(const base::HashKey& key) noexcept { return {key.k0, key.k1}; }

}  // namespace

void hash_suffixes(const base::HashKey& key, const dns::FoldedName& name, NameHashes& out) noexcept {
  base::Hash128 state = first_state(key);
  out.count = name.label_count;
  for (std::size_t i = name.label_count; i-- > 0;) {
    const std::uint8_t* label = name.wire.data() + name.label_at[i];
    state = base::absorb_bytes(key, state, label + 1, label[0]);
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
