// A zeroed array straight from the kernel, for what is large and long-lived: it goes back to the kernel when it is
// freed, whatever the allocator's mood. Large ones ask for huge pages, which spare most of the TLB misses of random
// probes.
#pragma once

#include <sys/mman.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "base/pages.h"

namespace rampart::blocklists {

template <class T>
class PageArray {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  static constexpr std::size_t kPageBytes = 4096;

  PageArray() = default;
  explicit PageArray(std::size_t size, bool huge_pages = false) : size_(size) {
    if (size == 0) return;
    data_ = static_cast<T*>(base::map_pages(bytes(), huge_pages ? bytes() : 0));
  }
  PageArray(PageArray&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  PageArray& operator=(PageArray&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~PageArray() {
    if (data_ != nullptr) ::munmap(data_, bytes());
  }

  [[nodiscard]] T* data() noexcept { return data_; }
  [[nodiscard]] const T* data() const noexcept { return data_; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] const T& operator[](std::size_t i) const noexcept { return data_[i]; }
  [[nodiscard]] T& operator[](std::size_t i) noexcept { return data_[i]; }
  [[nodiscard]] const T* begin() const noexcept { return data_; }
  [[nodiscard]] const T* end() const noexcept { return data_ + size_; }
  [[nodiscard]] std::size_t bytes() const noexcept {
    return (size_ * sizeof(T) + kPageBytes - 1) / kPageBytes * kPageBytes;
  }

  /// Forgets the elements from `size` on and gives their pages back.
  void shrink(std::size_t size) noexcept {
    const std::size_t old_bytes = bytes();
    size_ = std::min(size_, size);
    const std::size_t new_bytes = bytes();
    if (new_bytes == old_bytes) return;
    ::munmap(reinterpret_cast<std::uint8_t*>(data_) + new_bytes, old_bytes - new_bytes);
    if (new_bytes == 0) data_ = nullptr;
  }

 private:
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace rampart::blocklists
