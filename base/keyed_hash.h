// A fast keyed hash for tables that strangers can fill (names from lists and clients). It folds 8 octets at
// a time by a 64x64->128 bit multiplication with a secret key, and keeps both halves, so that two inputs
// that agree on all 128 bits do not happen by accident, and cannot be crafted without the key.
// Not a message authentication code: never send its values to anybody.
#pragma once

#include <cstdint>
#include <cstring>

namespace rampart::base {

struct HashKey {
  std::uint64_t k0 = 0x9e3779b97f4a7c15ULL;
  std::uint64_t k1 = 0xbf58476d1ce4e5b9ULL;
  std::uint64_t k2 = 0x94d049bb133111ebULL;
};

struct Hash128 {
  std::uint64_t lo = 0;
  std::uint64_t hi = 0;
  friend bool operator==(const Hash128&, const Hash128&) = default;
};

inline Hash128 multiply_wide(std::uint64_t a, std::uint64_t b) noexcept {
  const unsigned __int128 p = static_cast<unsigned __int128>(a) * b;
  return {static_cast<std::uint64_t>(p), static_cast<std::uint64_t>(p >> 64)};
}

/// Folds one 64-bit word into the state. Order matters: absorb(absorb(s,a),b) != absorb(absorb(s,b),a).
inline Hash128 absorb(const HashKey& key, Hash128 state, std::uint64_t word) noexcept {
  const Hash128 p = multiply_wide(state.lo ^ word ^ key.k0, (state.hi ^ key.k1) | 1);
  const Hash128 q = multiply_wide(state.hi ^ word ^ key.k2, (state.lo + key.k0) | 1);
  return {p.lo ^ q.hi, p.hi ^ q.lo};
}

/// Folds two words in the time of one. Each is in both products, and each half of the state takes the low half of one
/// product and the high half of the other: a change of a high bit hardly shows in the former, one of a low bit in the
/// latter.
inline Hash128 absorb_pair(const HashKey& key, Hash128 state, std::uint64_t first, std::uint64_t second) noexcept {
  const Hash128 p = multiply_wide(state.lo ^ (first ^ key.k0), state.hi ^ (second ^ key.k1));
  const Hash128 q = multiply_wide(state.hi ^ (second ^ key.k2), state.lo + (first + key.k0));
  return {p.lo ^ q.hi, p.hi ^ q.lo};
}

/// What distinguishes inputs by their length, to be mixed beside their octets.
constexpr std::uint64_t length_mark(std::size_t length) noexcept {
  return std::uint64_t{length + 1} * 0x9fb21c651e98df25ULL;
}

/// Reads up to 8 octets (length 0..8) as a little-endian word, without touching memory beyond them.
inline std::uint64_t load_partial(const std::uint8_t* p, std::size_t length) noexcept {
  std::uint64_t word = 0;
  if (length >= 8) {
    std::memcpy(&word, p, 8);
  } else if (length >= 4) {
    std::uint32_t low = 0;
    std::uint32_t high = 0;
    std::memcpy(&low, p, 4);
    std::memcpy(&high, p + length - 4, 4);
    word = low | (std::uint64_t{high} << ((length - 4) * 8));
  } else if (length > 0) {
    word = p[0] | (std::uint64_t{p[length / 2]} << ((length / 2) * 8)) |
           (std::uint64_t{p[length - 1]} << ((length - 1) * 8));
  }
  return word;
}

/// Absorbs the last 1 to 8 octets of an input (0 if it is empty), as load_partial() reads them, and its length.
inline Hash128 absorb_tail(const HashKey& key, Hash128 state, std::uint64_t word, std::size_t total_length) noexcept {
  // The length enters beside the tail, not within it: were it mixed into the word, octets chosen by a stranger
  // could make one long input of two short ones when inputs are chained, as the labels of a name are.
  state.hi ^= length_mark(total_length);
  return absorb(key, state, word);
}

/// Absorbs `length` octets and their count.
inline Hash128 absorb_bytes(const HashKey& key, Hash128 state, const std::uint8_t* p,
                            std::size_t length) noexcept {
  const std::size_t total = length;
  while (length > 8) {
    std::uint64_t word;
    std::memcpy(&word, p, 8);
    state = absorb(key, state, word);
    p += 8;
    length -= 8;
  }
  return absorb_tail(key, state, load_partial(p, length), total);
}

inline Hash128 hash_bytes(const HashKey& key, const std::uint8_t* p, std::size_t length) noexcept {
  return absorb_bytes(key, Hash128{key.k0, key.k1}, p, length);
}

/// A key from the kernel's random source; one for each process.
HashKey random_hash_key();

}  // namespace rampart::base
