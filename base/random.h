// Unpredictable numbers for what an attacker must not guess: query IDs, source ports, 0x20 masks.
// A worker owns one; it draws from the kernel in blocks so that a number costs a few nanoseconds.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace rampart::base {

class SecureRandom {
 public:
  std::uint64_t next_u64() noexcept {
    if (next_ == pool_.size()) refill();
    return pool_[next_++];
  }
  std::uint16_t next_u16() noexcept { return static_cast<std::uint16_t>(next_u64()); }
  /// Uniform in [0, bound); bound > 0.
  std::uint32_t below(std::uint32_t bound) noexcept {
    return static_cast<std::uint32_t>((static_cast<unsigned __int128>(next_u64()) * bound) >> 64);
  }

 private:
  void refill() noexcept;

  std::array<std::uint64_t, 512> pool_{};
  std::size_t next_ = 512;
};

}  // namespace rampart::base
