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

// The kernel copies a large write in folios of up to 2 MiB, and lets nobody else run before one is done: 9 ms where
// memory is slow to come, in which a worker on this core answers nothing. A small piece has a small folio.
constexpr std::size_t kPieceBytes = 32 * 1024;

template <class Transfer, class Byte>
bool transfer_all(Transfer transfer, int fd, Byte* bytes, std::size_t count, off_t at) {
  while (count > 0) {
    const ssize_t n = transfer(fd, bytes, std::min(count, kPieceBytes), at);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes += n;
    count -= static_cast<std::size_t>(n);
    at += n;
  }
  return true;
}

}  // namespace

SourceArchive::SourceArchive(SourceArchive&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      sizes_(other.sizes_),
      typed_sizes_(std::move(other.typed_sizes_)),
      types_(std::move(other.types_)),
      regexes_(std::move(other.regexes_)),
      ranges_(std::move(other.ranges_)),
      wildcard_labels_min_(other.wildcard_labels_min_) {}

SourceArchive& SourceArchive::operator=(SourceArchive&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(sizes_, other.sizes_);
  std::swap(typed_sizes_, other.typed_sizes_);
  std::swap(types_, other.types_);
  std::swap(regexes_, other.regexes_);
  std::swap(ranges_, other.ranges_);
  std::swap(wildcard_labels_min_, other.wildcard_labels_min_);
  return *this;
}

SourceArchive::~SourceArchive() {
  if (fd_ >= 0) ::close(fd_);
}

base::Result<SourceArchive, std::string> SourceArchive::write(const CompiledSource& source, const std::string& folder) {
  int fd = -1;
  for (const std::string& place : {folder, std::string("/var/tmp"), std::string("/tmp")})
    if (fd = open_unnamed(place); fd >= 0) break;
  if (fd < 0) return base::Error{std::string("no unnamed file can be opened: ") + std::strerror(errno)};
  SourceArchive archive(fd);
  off_t at = 0;
  const auto append = [&](const auto& hashes) {
    const std::size_t bytes = hashes.size() * sizeof(std::uint64_t);
    if (!transfer_all(::pwrite, fd, reinterpret_cast<const char*>(hashes.data()), bytes, at)) return false;
    at += static_cast<off_t>(bytes);
    return true;
  };
  const auto failed = [] { return base::Error{std::string("write failed: ") + std::strerror(errno)}; };
  for (std::size_t i = 0; i < RuleClass::kCount; ++i) {
    archive.sizes_[i] = source.hashes(i).size();
    if (!append(source.hashes(i))) return failed();
  }
  for (const auto& [rule_class, hashes] : source.typed_hashes()) {
    archive.typed_sizes_[rule_class] = hashes.size();
    if (!append(hashes)) return failed();
  }
  archive.types_ = source.types();
  archive.regexes_ = source.regexes();
  archive.ranges_ = source.ranges();
  archive.wildcard_labels_min_ = source.wildcard_labels_min();
  return archive;
}

base::Result<CompiledSource, std::string> SourceArchive::read() const {
  CompiledSource source;
  off_t at = 0;
  const auto take = [&](auto& hashes) {
    const std::size_t bytes = hashes.size() * sizeof(std::uint64_t);
    if (!transfer_all(::pread, fd_, reinterpret_cast<char*>(hashes.data()), bytes, at)) return false;
    at += static_cast<off_t>(bytes);
    return true;
  };
  const auto failed = [] { return base::Error{std::string("read failed: ") + std::strerror(errno)}; };
  for (std::size_t i = 0; i < RuleClass::kCount; ++i) {
    source.hashes_[i] = PageArray<std::uint64_t>(sizes_[i]);
    if (!take(source.hashes_[i])) return failed();
  }
  for (const auto& [rule_class, size] : typed_sizes_) {
    auto& hashes = source.typed_hashes_[rule_class];
    hashes.resize(size);
    if (!take(hashes)) return failed();
  }
  source.types_ = types_;
  source.regexes_ = regexes_;
  source.ranges_ = ranges_;
  source.wildcard_labels_min_ = wildcard_labels_min_;
  return source;
}

}  // namespace rampart::blocklists
