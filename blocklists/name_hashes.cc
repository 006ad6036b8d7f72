#include "blocklists/name_hashes.h"

#include <cstddef>
#include <cstring>

#include "base/bytes.h"

namespace rampart::blocklists {
namespace {

base::Hash128 first_state(const base::HashKey& key) noexcept { return {key.k0, key.k1}; }

constexpr std::size_t kStep = 16;  // octets at once: nearly every label is shorter, and then costs one step

// For the last octets of a label, 0 to 16 of them.
struct EndMask {
  std::uint64_t first = 0;
  std::uint64_t second = 0;
};
constexpr std::array<EndMask, kStep + 1> kEndMasks = [] {
  std::array<EndMask, kStep + 1> masks;
  for (std::size_t octets = 0; octets <= kStep; ++octets) {
    for (std::size_t i = 0; i < octets; ++i) {
      (i < 8 ? masks[octets].first : masks[octets].second) |= std::uint64_t{0xff} << 8 * (i % 8);
    }
  }
  return masks;
}();

// The length of a label enters beside its octets: were it one of them, a stranger could make one label of two.
constexpr std::array<std::uint64_t, dns::kLabelBytesMax + 1> kLengthMarks = [] {
  std::array<std::uint64_t, dns::kLabelBytesMax + 1> marks;
  for (std::size_t i = 0; i < marks.size(); ++i) marks[i] = base::length_mark(i);
  return marks;
}();

std::uint64_t load_word(const std::uint8_t* octets) noexcept {
  std::uint64_t word;
  std::memcpy(&word, octets, 8);
  return word;
}

// All steps of a long label but the last one.
base::Hash128 absorb_front(const base::HashKey& key, base::Hash128 state, const std::uint8_t*& label,
                           std::size_t& left) noexcept {
  for (; left > kStep; label += kStep, left -= kStep) {
    state = base::absorb_pair(key, state, load_word(label), load_word(label + 8));
  }
  return state;
}

// For a label behind which there are always 16 octets to read: no branch on its length, which a processor cannot
// predict.
inline base::Hash128 absorb_label(const base::HashKey& key, base::Hash128 state, const std::uint8_t* label,
                                  std::size_t length) noexcept {
  std::size_t left = length;
  if (length > kStep) [[unlikely]] state = absorb_front(key, state, label, left);
  const EndMask& mask = kEndMasks[left];
  return base::absorb_pair(key, state, load_word(label) & mask.first,
                           (load_word(label + 8) & mask.second) ^ kLengthMarks[length]);
}

// The same for text that ends where it ends.
base::Hash128 absorb_label_text(const base::HashKey& key, base::Hash128 state, const std::uint8_t* label,
                                std::size_t length) noexcept {
  std::size_t left = length;
  state = absorb_front(key, state, label, left);
  const std::uint64_t first = base::load_partial(label, left);
  const std::uint64_t second = left > 8 ? base::load_partial(label + 8, left - 8) : 0;
  return base::absorb_pair(key, state, first, second ^ base::length_mark(length));
}

}  // namespace

void hash_suffixes(const base::HashKey& process_key, const dns::FoldedName& name, NameHashes& out) noexcept {
  const base::HashKey key = process_key;  // a copy cannot change when `out` does
  base::Hash128 state = first_state(key);
  out.count = name.label_count;
  // The octets behind `wire` that absorb_label() may touch belong to the name as well.
  static_assert(offsetof(dns::FoldedName, wire) + sizeof(dns::FoldedName::wire) + kStep <= sizeof(dns::FoldedName));
  const auto* octets = reinterpret_cast<const std::uint8_t*>(&name) + offsetof(dns::FoldedName, wire);
  for (std::size_t i = name.label_count; i-- > 0;) {
    const std::uint8_t* label = octets + name.label_at[i];
    state = absorb_label(key, state, label + 1, label[0]);
    out.suffix[i] = state.lo;
  }
  out.full = state;
}

base::Hash128 hash_name(const base::HashKey& key, const dns::FoldedName& name) noexcept {
  NameHashes hashes;
  hash_suffixes(key, name, hashes);
  return hashes.full;
}

TextHash hash_name_text(const base::HashKey& key, std::string_view name) noexcept {
  base::Hash128 state = first_state(key);
  const std::uint8_t* text = base::as_bytes(name).data();
  std::size_t end = name.size();
  for (std::size_t labels = 1;; ++labels) {
    std::size_t begin = end;
    while (begin > 0 && text[begin - 1] != '.') --begin;
    state = absorb_label_text(key, state, text + begin, end - begin);
    if (begin == 0) return {state.lo, labels};
    end = begin - 1;
  }
}

}  // namespace rampart::blocklists
