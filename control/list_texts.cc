#include "control/list_texts.h"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <set>
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
    case TextState::Kind::kRefused: return "refused";
  }
  return "";
}

struct ListTexts::Gathering {
  blocklists::AdmissionGate gate;
  std::set<SourceSpec> denied;  // by at least one list
  std::string server_folder;
  DownloadMode mode;
};

ListTexts::ListTexts(const std::vector<ListEntry>& entries, ListCatalogOptions options, DownloadMode mode,
                     Progress& progress)
    : options_(std::move(options)) {
  Gathering how{blocklists::AdmissionGate(base::HashKey{}, options_.admission), {}, options_.downloads.cache_path,
      mode};
  options_.downloads.cache_path = make_private_folder();
  if (options_.downloads.attempts == 0) options_.downloads.attempts = 1;  // for ever is for servers
  for (const auto& entry : entries) {
    states_.emplace(entry.source, TextState{});
    if (entry.action == blocklists::Action::kDeny) how.denied.insert(entry.source);
  }

  std::vector<std::pair<const SourceSpec, TextState>*> work;
  for (auto& state : states_) work.push_back(&state);
  std::atomic<std::size_t> next{0};
  const auto run = [&] {
    for (std::size_t i; (i = next.fetch_add(1)) < work.size();) {
      progress.show("[" + std::to_string(i + 1) + "/" + std::to_string(work.size()) + "] "
          + work[i]->first.display_name());
      try {
        work[i]->second = gather(work[i]->first, how);
      } catch (const std::exception& e) {
        work[i]->second = {TextState::Kind::kFailed, e.what(), {}};
      }
    }
  };
  std::vector<std::thread> others;
  for (std::size_t i = 1; i < std::min<std::size_t>(options_.concurrency, work.size()); ++i)
    others.emplace_back(run);
  run();
  for (auto& other : others) other.join();
  progress.clear();
}

ListTexts::~ListTexts() {
  std::error_code ignored;
  fs::remove_all(options_.downloads.cache_path, ignored);
}

// Everything is read once by what a server reads it with, so that a list that the server would refuse is none here.
TextState ListTexts::gather(const SourceSpec& source, const Gathering& how) const {
  using Kind = TextState::Kind;
  const base::HashKey key;
  const blocklists::Judge judge = [&](const blocklists::LoadedSource& version,
                                      std::optional<std::uint64_t> before) {
    return how.gate.judge(*version.rules, version.statistics, {how.denied.contains(source), before});
  };
  if (source.kind != SourceKind::kHttp) {
    const auto readable = blocklists::read_text(source, [](std::string_view) { return false; },
        {.accept_html = true});
    if (!readable.ok()) return {Kind::kFailed, readable.error(), {}};
    const auto loaded = blocklists::load_local(source, key, options_.parser, options_.downloads.reading);
    if (!loaded.ok()) return {Kind::kRefused, loaded.error(), {}};
    if (source.kind == SourceKind::kInline) return {Kind::kInline, {}, {}};
    if (const auto refused = judge(*loaded, std::nullopt))
      return {Kind::kRefused, refused->why, written_at(source.text)};
    return {Kind::kFile, {}, written_at(source.text)};
  }
  const fs::path own = blocklists::DownloadCache(options_.downloads.cache_path).path_of(source.text);
  const fs::path copy = fs::absolute(how.server_folder.empty() ? "." : how.server_folder) / own.filename();
  std::error_code error;
  const bool has_copy = !how.server_folder.empty() && fs::is_regular_file(copy, error);
  std::string why = "no copy on disk, and downloads are off";
  blocklists::ListDownloader downloader(options_.downloads);
  if (how.mode == DownloadMode::kAll || (how.mode == DownloadMode::kMissing && !has_copy)) {
    const auto loaded = downloader.load(source, key, options_.parser, judge);
    if (loaded.ok()) return {Kind::kFresh, {}, base::wall_now()};
    why = loaded.error();
  }
  if (!has_copy) return {Kind::kFailed, why, {}};
  fs::create_symlink(copy, own, error);
  if (error) return {Kind::kFailed, "cannot link " + copy.string() + ": " + error.message(), {}};
  if (const auto loaded = downloader.load_copy(source, key, options_.parser, judge); !loaded.ok())
    return {Kind::kRefused, loaded.error(), written_at(copy)};
  return {Kind::kFromDisk, how.mode == DownloadMode::kAll ? why : "", written_at(copy)};
}

std::optional<blocklists::ReadText> ListTexts::reader(const SourceSpec& source) const {
  const auto kind = state(source).kind;
  if (kind == TextState::Kind::kFailed || kind == TextState::Kind::kRefused) return std::nullopt;
  return reader_of(source, options_.downloads.cache_path);
}

}  // namespace rampart::control
