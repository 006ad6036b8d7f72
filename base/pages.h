// Zeroed memory straight from the kernel, which becomes real page by page as it is touched.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rampart::base {

inline constexpr std::size_t kHugePageBytes = std::size_t{2} << 20;

/// `huge_bytes`: so much at the front is read all over. Huge pages are asked for as far as it fills them, which
/// spares most TLB misses; the memory is then aligned to them. Free it with munmap. Throws std::bad_alloc.
[[nodiscard]] void* map_pages(std::size_t bytes, std::size_t huge_bytes = 0);

/// Such memory with an owner.
class MappedMemory {
 public:
  /// The first `huge_bytes` as map_pages() has them, and touched at once: clearing a huge page takes long.
  MappedMemory(std::size_t bytes, std::size_t huge_bytes);
  ~MappedMemory();
  MappedMemory(const MappedMemory&) = delete;
  MappedMemory& operator=(const MappedMemory&) = delete;
  [[nodiscard]] std::uint8_t* data() const noexcept { return data_; }
  /// Gives all pages that lie wholly in [from, end) back to the system; they read as zeros afterwards.
  void discard(std::size_t from) noexcept;

 private:
  std::size_t bytes_;
  std::uint8_t* data_;
};

}  // namespace rampart::base
