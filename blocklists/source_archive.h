// The names of a compiled source on disk, 8 octets each: they are needed only while an index is built, and then read
// in order, a small piece at a time. The file has no name and ends with the object; what it holds is keyed for this
// process and worth nothing to another.
//
// It is read and written by system calls, not mapped: a disk that fails is an error then, not the end of the process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"

namespace rampart::blocklists {

class SourceArchive {
 public:
  /// Smaller sources are not worth a file.
  static constexpr std::size_t kNamesMin = 16 * 1024;
  /// The kernel copies a large piece in folios of up to 2 MiB, and lets nobody else run before one is done: 9 ms
  /// where memory is slow to come, in which a worker on this core answers nothing. 32 KiB have a small folio.
  static constexpr std::size_t kPieceHashes = 4096;

  /// An unnamed file in `folder`, or else in /var/tmp or /tmp. Fails where none of them takes it.
  [[nodiscard]] static base::Result<SourceArchive, std::string> open(const std::string& folder);
  SourceArchive(SourceArchive&& other) noexcept;
  SourceArchive& operator=(SourceArchive&& other) noexcept;
  ~SourceArchive();

  /// Writes behind what is there.
  [[nodiscard]] base::Status append(std::span<const std::uint64_t> hashes);
  /// Fills `into` with the hashes from number `first` on.
  [[nodiscard]] base::Status read(std::size_t first, std::span<std::uint64_t> into) const;
  /// How many hashes were written.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  explicit SourceArchive(int fd) noexcept : fd_(fd) {}

  int fd_ = -1;
  std::size_t size_ = 0;
};

}  // namespace rampart::blocklists
