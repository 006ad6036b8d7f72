#include "blocklists/download_cache.h"

#include <fcntl.h>
#include <openssl/sha.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <string_view>
#include <vector>

#include "base/log.h"

namespace rampart::blocklists {
namespace {

namespace fs = std::filesystem;

// Longest ETag or Last-Modified we keep; real ones have less than 100 characters.
constexpr std::size_t kValidatorBytesMax = 512;
// Of a reason in a state file: enough for its first errors.
constexpr std::size_t kStateLineBytesMax = 1024;
constexpr const char* kEntries = "Entries: ";
constexpr const char* kAdmitted = "Admitted: ";
constexpr const char* kRefused = "Refused: ";
// A temporary file this old belongs to no running download: the whole exchange has a timeout of seconds.
constexpr std::chrono::hours kOrphanAge{24};

std::string reason() { return std::strerror(errno); }

// They become request headers again: a line break in one would forge a header.
bool is_usable(std::string_view value) {
  return !value.empty() && value.size() <= kValidatorBytesMax &&
         std::all_of(value.begin(), value.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

void remove_orphans(const std::string& folder) {
  std::error_code ignored;
  std::vector<fs::path> orphans;
  for (fs::directory_iterator it(folder, ignored), end; !ignored && it != end; it.increment(ignored)) {
    const std::string name = it->path().filename().string();
    if (!name.starts_with("dl-") || !name.ends_with(".tmp")) continue;
    std::error_code gone;
    const auto written = it->last_write_time(gone);
    if (!gone && fs::file_time_type::clock::now() - written > kOrphanAge) orphans.push_back(it->path());
  }
  for (const auto& path : orphans) fs::remove(path, ignored);
}

std::string time_text(base::WallTime time) {
  const std::time_t seconds = base::WallTime::clock::to_time_t(time);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

base::Status flush_to_disk(std::FILE* file) {
  if (std::fflush(file) != 0 || fdatasync(fileno(file)) != 0) return base::Error{reason()};
  return base::Done{};
}

}  // namespace

TemporaryFile::~TemporaryFile() {
  if (!path_.empty()) unlink(path_.c_str());
}

DownloadCache::DownloadCache(std::string folder) : folder_(std::move(folder)) {
  if (folder_.empty()) return;
  std::error_code ignored;
  fs::create_directories(fs::path(folder_).parent_path(), ignored);
  constexpr mode_t kFolderMode = 0750;
  std::string fault;
  if (mkdir(folder_.c_str(), kFolderMode) != 0 && errno != EEXIST) {
    fault = reason();
  } else if (!fs::is_directory(folder_, ignored)) {
    fault = "not a folder";
  } else if (access(folder_.c_str(), R_OK | W_OK | X_OK) != 0) {
    fault = reason() + " (the process must read and write it)";
  }
  if (!fault.empty()) {
    base::log::warn("lists", "cachePath cannot be used, downloads are not kept", {{"error", fault}, {"path", folder_}});
    folder_.clear();
    return;
  }
  remove_orphans(folder_);
}

std::string DownloadCache::path_of(const std::string& url) const {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(url.data()), url.size(), digest);
  std::string path = folder_ + "/";
  for (const unsigned char byte : digest) {
    path += "0123456789abcdef"[byte >> 4];
    path += "0123456789abcdef"[byte & 15];
  }
  return path;
}

FileHandle DownloadCache::open_copy(const std::string& url) const {
  return {enabled() ? std::fopen(path_of(url).c_str(), "rbe") : nullptr, std::fclose};
}

Validators DownloadCache::validators_of(const std::string& url) const {
  Validators validators;
  if (!open_copy(url)) return validators;
  const FileHandle file(std::fopen((path_of(url) + ".meta").c_str(), "rbe"), std::fclose);
  if (!file) return validators;
  char line[kValidatorBytesMax + 32];
  const auto next = [&](std::string_view label) -> std::string {
    if (!std::fgets(line, sizeof(line), file.get())) return {};
    std::string_view text = line;
    if (!text.starts_with(label) || !text.ends_with('\n')) return {};
    text.remove_prefix(label.size());
    text.remove_suffix(1);
    return is_usable(text) ? std::string(text) : std::string();
  };
  validators.etag = next("ETag: ");
  validators.last_modified = next("Last-Modified: ");
  return validators;
}

base::Result<TemporaryFile, std::string> DownloadCache::create_temporary() const {
  if (!enabled()) {
    FileHandle file(std::tmpfile(), std::fclose);
    if (!file) return base::Error{"no temporary file: " + reason()};
    return TemporaryFile(std::move(file), {});
  }
  std::string path = folder_ + "/dl-XXXXXX.tmp";
  constexpr int kSuffixBytes = 4;
  const int fd = mkostemps(path.data(), kSuffixBytes, O_CLOEXEC);
  if (fd < 0) return base::Error{"no temporary file in cachePath " + folder_ + ": " + reason()};
  FileHandle file(fdopen(fd, "w+b"), std::fclose);
  if (!file) {
    const std::string why = reason();
    close(fd);
    unlink(path.c_str());
    return base::Error{"no temporary file: " + why};
  }
  return TemporaryFile(std::move(file), std::move(path));
}

base::Status DownloadCache::keep(TemporaryFile file, const std::string& url, const Validators& validators) const {
  if (!enabled()) return base::Done{};
  if (const auto flushed = flush_to_disk(file.get()); !flushed.ok()) return flushed;
  const std::string path = path_of(url);
  const std::string meta_path = path + ".meta";
  // The old validators go first: at no moment may they stand beside the new list.
  if (unlink(meta_path.c_str()) != 0 && errno != ENOENT) return base::Error{meta_path + ": " + reason()};
  if (std::rename(file.path_.c_str(), path.c_str()) != 0) return base::Error{path + ": " + reason()};
  file.path_.clear();
  const std::string etag = is_usable(validators.etag) ? validators.etag : std::string();
  const std::string modified = is_usable(validators.last_modified) ? validators.last_modified : std::string();
  if (etag.empty() && modified.empty()) return base::Done{};

  auto meta = create_temporary();
  if (!meta.ok()) return base::Error{meta.error()};
  std::fprintf(meta->get(), "ETag: %s\nLast-Modified: %s\n", etag.c_str(), modified.c_str());
  if (const auto flushed = flush_to_disk(meta->get()); !flushed.ok()) return flushed;
  if (std::rename(meta->path_.c_str(), meta_path.c_str()) != 0) return base::Error{meta_path + ": " + reason()};
  meta->path_.clear();
  return base::Done{};
}

std::string DownloadCache::read_state(const std::string& url, const char* label) const {
  if (!enabled()) return {};
  const FileHandle file(std::fopen((path_of(url) + ".state").c_str(), "rbe"), std::fclose);
  char line[kStateLineBytesMax + 32];
  while (file && std::fgets(line, sizeof(line), file.get())) {
    std::string_view text = line;
    if (!text.starts_with(label)) continue;
    text.remove_prefix(std::strlen(label));
    if (text.ends_with('\n')) text.remove_suffix(1);
    return std::string(text);
  }
  return {};
}

void DownloadCache::write_state(const std::string& url, const std::string& text) const {
  const std::string path = path_of(url) + ".state";
  std::string fault;
  if (auto file = create_temporary(); !file.ok()) {
    fault = file.error();
  } else if (std::fputs(text.c_str(), file->get()) < 0 || std::fflush(file->get()) != 0 ||
             std::rename(file->path_.c_str(), path.c_str()) != 0) {
    fault = reason();
  } else {
    file->path_.clear();
  }
  if (!fault.empty()) base::log::warn("lists", "state of a list cannot be written", {{"error", fault}, {"path", path}});
}

std::optional<std::uint64_t> DownloadCache::entries_of(const std::string& url) const {
  if (!open_copy(url)) return std::nullopt;
  const std::string text = read_state(url, kEntries);
  std::uint64_t entries = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), entries);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return entries;
}

void DownloadCache::note_admitted(const std::string& url, std::uint64_t entries, base::WallTime now) const {
  if (!enabled()) return;
  write_state(url, "URL: " + url + "\n" + kEntries + std::to_string(entries) + "\n" + kAdmitted + time_text(now) + "\n");
}

void DownloadCache::note_refused(const std::string& url, const std::string& why, base::WallTime now) const {
  if (!enabled()) return;
  std::string line = why.substr(0, kStateLineBytesMax);
  std::replace_if(line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7f; }, '?');
  std::string text = "URL: " + url + "\n";
  for (const char* label : {kEntries, kAdmitted})
    if (const std::string kept = read_state(url, label); !kept.empty()) text += label + kept + "\n";
  write_state(url, text + kRefused + time_text(now) + " " + line + "\n");
}

}  // namespace rampart::blocklists
