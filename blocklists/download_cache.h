// The folder of last good downloads: `<sha256 of URL>` holds a list as it came, `<sha256 of URL>.meta` what the
// server said about its version, `<sha256 of URL>.state` how many entries it has, since when, and which newer version
// was refused why. A list grows in a temporary file and gets its name only when it was read to the
// end and found to be a list, so whatever has a name is good. Without a folder temporary files have no name at all.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/time.h"

#include "base/result.h"

namespace rampart::blocklists {

/// What a conditional request sends back to the server.
struct Validators {
  std::string etag;
  std::string last_modified;
  [[nodiscard]] bool empty() const noexcept { return etag.empty() && last_modified.empty(); }
};

using FileHandle = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

/// Open for writing and reading; gone with this object unless the cache kept it.
class TemporaryFile {
 public:
  TemporaryFile(FileHandle file, std::string path) : file_(std::move(file)), path_(std::move(path)) {}
  TemporaryFile(TemporaryFile&& other) noexcept
      : file_(std::move(other.file_)), path_(std::exchange(other.path_, {})) {}
  TemporaryFile& operator=(TemporaryFile&&) = delete;
  ~TemporaryFile();
  [[nodiscard]] std::FILE* get() const noexcept { return file_.get(); }

 private:
  friend class DownloadCache;
  FileHandle file_;
  std::string path_;  // empty: it has no name
};

/// Safe from several threads as long as no two of them handle the same URL.
class DownloadCache {
 public:
  /// Creates `folder` (0750) if it is missing and removes what a crash left there. A folder that cannot be used
  /// is logged, and the cache is off; so it is when `folder` is empty.
  explicit DownloadCache(std::string folder);

  [[nodiscard]] bool enabled() const noexcept { return !folder_.empty(); }
  /// Where the last good copy of `url` is, or would be.
  [[nodiscard]] std::string path_of(const std::string& url) const;
  /// The last good copy, or null.
  [[nodiscard]] FileHandle open_copy(const std::string& url) const;
  /// Empty when there is no copy, or nothing usable is known about it.
  [[nodiscard]] Validators validators_of(const std::string& url) const;
  [[nodiscard]] base::Result<TemporaryFile, std::string> create_temporary() const;
  /// Makes `file` the last good copy of `url`. On failure the former copy stays.
  [[nodiscard]] base::Status keep(TemporaryFile file, const std::string& url, const Validators& validators) const;

  /// Entries of the last good copy, if it is there and they are known.
  [[nodiscard]] std::optional<std::uint64_t> entries_of(const std::string& url) const;
  /// Notes beside the copy that it is in force, or that a newer version was refused. Failures are logged only: the
  /// notes are for people and for the bounds on growth, which then have nothing to compare with.
  void note_admitted(const std::string& url, std::uint64_t entries, base::WallTime now) const;
  void note_refused(const std::string& url, const std::string& why, base::WallTime now) const;

 private:
  void write_state(const std::string& url, const std::string& text) const;
  [[nodiscard]] std::string read_state(const std::string& url, const char* label) const;

  std::string folder_;
};

}  // namespace rampart::blocklists
