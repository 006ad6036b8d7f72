// The rules of a source on disk, while they are not needed: 8 octets a name that are read again only if the source's
// next version turns out bad. The file has no name and ends with the object; what it holds is keyed for this process
// and worth nothing to another.
//
// It is read and written by system calls, not mapped: a disk that fails is an error then, not the end of the process.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "blocklists/compiled_source.h"

namespace rampart::blocklists {

class SourceArchive {
 public:
  /// Smaller sources are not worth a file.
  static constexpr std::size_t kNamesMin = 16 * 1024;

  SourceArchive(SourceArchive&& other) noexcept;
  SourceArchive& operator=(SourceArchive&& other) noexcept;
  ~SourceArchive();

  /// Writes a copy to an unnamed file in `folder`, or else in /var/tmp or /tmp; `source` stays as it is. Fails where
  /// none of them takes it: then the source has to stay in memory.
  [[nodiscard]] static base::Result<SourceArchive, std::string> write(const CompiledSource& source,
                                                                      const std::string& folder);
  [[nodiscard]] base::Result<CompiledSource, std::string> read() const;

 private:
  explicit SourceArchive(int fd) noexcept : fd_(fd) {}

  int fd_ = -1;
  std::array<std::size_t, RuleClass::kCount> sizes_{};
  std::map<std::size_t, std::size_t> typed_sizes_;  ///< by index of the class, in the order of the file
  std::vector<QueryTypes> types_;
  std::vector<CompiledSource::Regex> regexes_;
  std::vector<CompiledSource::Range> ranges_;
  std::size_t wildcard_labels_min_ = 0;
};

}  // namespace rampart::blocklists
