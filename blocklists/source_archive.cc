#include "blocklists/source_archive.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace rampart::blocklists {
namespace {

int open_unnamed(const std::string& folder) {
  if (folder.empty()) return -1;
  return ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

template <class Transfer, class Byte>
base::Status transfer_all(const char* what, Transfer transfer, int fd, std::span<Byte> bytes, std::size_t at) {
  constexpr std::size_t kPieceBytes = SourceArchive::kPieceHashes * sizeof(std::uint64_t);
  while (!bytes.empty()) {
    const std::size_t wanted = std::min(bytes.size(), kPieceBytes);
    const ssize_t n = transfer(fd, bytes.data(), wanted, static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return base::Error{std::string(what) + " failed: " + std::strerror(errno)};
    if (n == 0) return base::Error{std::string(what) + " failed: the file ends at octet " + std::to_string(at)};
    bytes = bytes.subspan(static_cast<std::size_t>(n));
    at += static_cast<std::size_t>(n);
  }
  return base::Done{};
}

}  // namespace

SourceArchive::SourceArchive(SourceArchive&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), size_(std::exchange(other.size_, 0)) {}

SourceArchive& SourceArchive::operator=(SourceArchive&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(size_, other.size_);
  return *this;
}

SourceArchive::~SourceArchive() {
  if (fd_ >= 0) ::close(fd_);
}

base::Result<SourceArchive, std::string> SourceArchive::open(const std::string& folder) {
  for (const std::string& place : {folder, std::string("/var/tmp"), std::string("/tmp")})
    if (const int fd = open_unnamed(place); fd >= 0) return SourceArchive(fd);
  return base::Error{std::string("no unnamed file can be opened: ") + std::strerror(errno)};
}

base::Status SourceArchive::append(std::span<const std::uint64_t> hashes) {
  const auto done = transfer_all("write", ::pwrite, fd_, std::as_bytes(hashes), size_ * sizeof(std::uint64_t));
  if (done.ok()) size_ += hashes.size();
  return done;
}

base::Status SourceArchive::read(std::size_t first, std::span<std::uint64_t> into) const {
  return transfer_all("read", ::pread, fd_, std::as_writable_bytes(into), first * sizeof(std::uint64_t));
}

}  // namespace rampart::blocklists
