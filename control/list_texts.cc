#include "control/list_texts.h"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <thread>

#include "control/rule_finder.h"

namespace rampart::control {
namespace {

namespace fs = std::filesystem;
using blocklists::SourceKind;
using blocklists::SourceSpec;

base::WallTime written_at(const fs::path& path) {
  std::error_code error;
  const auto time = fs::last_write_time(path, error);
  if (error) return {};
  return std::chrono::time_point_cast<base::WallTime::duration>(std::chrono::file_clock::to_sys(time));
}

std::string make_private_folder() {
  std::error_code error;
  const fs::path parent = fs::temp_directory_path(error);
  std::string path = (error ? fs::path("/tmp") : parent) / "rampart-lists-XXXXXX";
  if (mkdtemp(path.data()) == nullptr)
    throw std::system_error(errno, std::generic_category(), "no temporary folder " + path + " (set TMPDIR)");
  return path;
}

}  // namespace

std::string_view to_text(TextState::Kind kind) noexcept {
  switch (kind) {
    case TextState::Kind::kInline: return "inline";
    case TextState::Kind::kFile: return "file";
    case TextState::Kind::kFresh: return "fresh";
    case TextState::Kind::kFromDisk: return "from disk";
    case TextState::Kind::kFailed: return "failed";
  }
  return "";
}

ListTexts::ListTexts(const std::vector<ListEntry>& entries, ListCatalogOptions options, DownloadMode mode,
                     Progress& progress)
    : options_(std::move(options)) {
  const std::string server_folder = options_.downloads.cache_path;
  options_.downloads.cache_path = make_private_folder();
  if (options_.downloads.attempts == 0) options_.downloads.attempts = 1;  // for ever is for servers
  for (const auto& entry : entries) states_.emplace(entry.source, TextState{});

  std::vector<std::pair<const SourceSpec, TextState>*> work;
  for (auto& state : states_) work.push_back(&state);
  std::atomic<std::size_t> next{0};
  const auto run = [&] {
    for (std::size_t i; (i = next.fetch_add(1)) < work.size();) {
      progress.show("[" + std::to_string(i + 1) + "/" + std::to_string(work.size()) + "] " + work[i]->first.display_name());
      try {
        work[i]->second = gather(work[i]->first, server_folder, mode);
      } catch (const std::exception& e) {
        work[i]->second = {TextState::Kind::kFailed, e.what(), {}};
      }
    }
  };
  std::vector<std::thread> others;
  for (std::size_t i = 1; i < std::min<std::size_t>(options_.concurrency, work.size()); ++i) others.emplace_back(run);
  run();
  for (auto& other : others) other.join();
  progress.clear();
}

ListTexts::~ListTexts() {
  std::error_code ignored;
  fs::remove_all(options_.downloads.cache_path, ignored);
}

TextState ListTexts::gather(const SourceSpec& source, const std::string& server_folder, DownloadMode mode) const {
  using Kind = TextState::Kind;
  if (source.kind == SourceKind::kInline) return {Kind::kInline, {}, {}};
  if (source.kind == SourceKind::kFile) {
    const auto read = blocklists::read_text(source, [](std::string_view) { return false; });
    if (!read.ok()) return {Kind::kFailed, read.error(), {}};
    return {Kind::kFile, {}, written_at(source.text)};
  }
  const fs::path own = blocklists::DownloadCache(options_.downloads.cache_path).path_of(source.text);
  const fs::path copy = fs::absolute(server_folder.empty() ? "." : server_folder) / own.filename();
  std::error_code error;
  const bool has_copy = !server_folder.empty() && fs::is_regular_file(copy, error);
  std::string why = "no copy on disk, and downloads are off";
  if (mode == DownloadMode::kAll || (mode == DownloadMode::kMissing && !has_copy)) {
    blocklists::ListDownloader downloader(options_.downloads);
    const auto loaded = downloader.load(source, base::HashKey{}, options_.parser);
    if (loaded.ok()) return {Kind::kFresh, {}, base::wall_now()};
    why = loaded.error();
  }
  if (!has_copy) return {Kind::kFailed, why, {}};
  fs::create_symlink(copy, own, error);
  if (error) return {Kind::kFailed, "cannot link " + copy.string() + ": " + error.message(), {}};
  return {Kind::kFromDisk, mode == DownloadMode::kAll ? why : "", written_at(copy)};
}

std::optional<blocklists::ReadText> ListTexts::reader(const SourceSpec& source) const {
  if (state(source).kind == TextState::Kind::kFailed) return std::nullopt;
  return reader_of(source, options_.downloads.cache_path);
}

}  // namespace rampart::control
