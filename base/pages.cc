#include "base/pages.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <new>

namespace rampart::base {
namespace {

std::uint8_t* map(std::size_t bytes) {
  constexpr int kFlags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
  void* const p = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, kFlags, -1, 0);
  if (p == MAP_FAILED) throw std::bad_alloc();
  return static_cast<std::uint8_t*>(p);
}

std::size_t whole_pages(std::size_t bytes) noexcept {
  static const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return (bytes + page - 1) / page * page;
}

}  // namespace

void* map_pages(std::size_t bytes, std::size_t huge_bytes) {
  if (huge_bytes < kHugePageBytes) return map(bytes);
  // Kernels before 6.7 align nothing by themselves.
  std::uint8_t* const all = map(bytes + kHugePageBytes);
  const std::size_t before = -reinterpret_cast<std::uintptr_t>(all) % kHugePageBytes;
  std::uint8_t* const wanted = all + before;
  const std::size_t used = whole_pages(bytes);
  const std::size_t room = whole_pages(bytes + kHugePageBytes) - before;
  if (before > 0) ::munmap(all, before);
  if (used < room) ::munmap(wanted + used, room - used);
  ::madvise(wanted, huge_bytes / kHugePageBytes * kHugePageBytes, MADV_HUGEPAGE);  // else small ones
  return wanted;
}

MappedMemory::MappedMemory(std::size_t bytes, std::size_t huge_bytes)
    : bytes_(bytes), data_(static_cast<std::uint8_t*>(map_pages(bytes, huge_bytes))) {
  for (std::size_t at = 0; at + kHugePageBytes <= huge_bytes; at += kHugePageBytes)
    static_cast<volatile std::uint8_t*>(data_)[at] = 0;
}

MappedMemory::~MappedMemory() { ::munmap(data_, bytes_); }

void MappedMemory::discard(std::size_t from) noexcept {
  const std::size_t first = whole_pages(from);
  if (first < bytes_) ::madvise(data_ + first, bytes_ - first, MADV_DONTNEED);
}

}  // namespace rampart::base
