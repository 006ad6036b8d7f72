// All configured lists with their last good versions, and the FilterSet made of them. A source that cannot be
// read, or whose new version the admission gate refuses, keeps the version that was in force.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/keyed_hash.h"
#include "base/result.h"
#include "base/time.h"
#include "blocklists/filter_set.h"
#include "blocklists/list_download.h"
#include "blocklists/list_source.h"

namespace rampart::control {

/// One line of `blocking.denylists` or `blocking.allowlists`.
struct ListEntry {
  std::string group;
  blocklists::Action action{};
  blocklists::SourceSpec source;
};

struct ListCatalogOptions {
  blocklists::ListParserOptions parser;
  blocklists::DownloadOptions downloads;
  blocklists::AdmissionOptions admission;
  std::uint32_t concurrency = 4;  ///< sources read at once; each needs memory for its own rules, but only meanwhile
};

/// Not thread-safe but for stop(), failed_downloads() and refusals(): it belongs to whoever loads lists.
class ListCatalog {
  struct Version;

 public:
  explicit ListCatalog(const base::HashKey& key, ListCatalogOptions options = {});

  /// For the loads to come; what is in force stays.
  void set_options(ListCatalogOptions options);

  struct Outcome {
    std::shared_ptr<const blocklists::FilterSet> filter;
    std::vector<std::string> errors;       ///< one for each source that was not read or was refused; it keeps its
                                           ///< last version
    std::vector<std::string> stale;        ///< one for each download that failed and has a copy on disk instead
    std::vector<std::string> empty_groups; ///< groups with an error and without a single rule
    struct ListState {
      std::string list;            ///< URL, path, or the first words of inline text
      std::uint64_t entries = 0;
      base::WallTime read_at{};    ///< when this version was read; the epoch: from a copy on disk of unknown age
    };
    std::vector<ListState> lists;          ///< each list once
    bool is_complete = true;               ///< with kAtHand: every download had a copy
    std::shared_ptr<std::map<blocklists::SourceSpec, Version>> versions;  ///< for commit()
  };

  /// kAtHand asks no server: of a download the copy on disk is taken, and it is no error if there is none.
  enum class Effort : std::uint8_t { kAtHand, kFull };

  /// Reads every source (again) and builds. Fails when a limit of the FilterSet is exceeded, or the disk does not give
  /// back a last good version that is needed. Until commit(), the last good versions are those of before.
  [[nodiscard]] base::Result<Outcome, std::string> prepare(const std::vector<ListEntry>& entries,
                                                           Effort effort = Effort::kFull);
  /// The outcome comes into force: its versions, and no others, are the last good ones.
  void commit(Outcome& outcome);
  /// Both.
  [[nodiscard]] base::Result<Outcome, std::string> load(const std::vector<ListEntry>& entries,
                                                        Effort effort = Effort::kFull);

  /// From any thread: downloads under way fail soon, so that load() returns.
  void stop() noexcept { downloader_.stop(); }
  [[nodiscard]] std::uint64_t failed_downloads() const noexcept { return downloader_.failed_attempts(); }
  [[nodiscard]] const blocklists::RefusalCounters& refusals() const noexcept { return refusals_; }

 private:
  using Reading = base::Result<blocklists::LoadedSource, std::string>;
  struct Wanted {
    const blocklists::SourceSpec* source;
    bool denies = false;  ///< in at least one denylist
    Reading reading{base::Error{std::string("not read")}};
  };
  [[nodiscard]] Reading read(const Wanted& wanted, const blocklists::AdmissionGate& gate, Effort effort);
  [[nodiscard]] std::map<blocklists::SourceSpec, Wanted> read_all(const std::vector<ListEntry>& entries, Effort effort);

  /// A version in force. The names of large ones are on disk.
  struct Version {
    std::shared_ptr<const blocklists::CompiledSource> rules = std::make_shared<blocklists::CompiledSource>();
    std::uint64_t entries = 0;
    base::WallTime read_at{};
  };
  [[nodiscard]] Version last_good(const blocklists::SourceSpec& source) const;

  const base::HashKey key_;
  blocklists::RefusalCounters refusals_;
  ListCatalogOptions options_;
  blocklists::ListDownloader downloader_;
  std::map<blocklists::SourceSpec, Version> last_good_;
};

}  // namespace rampart::control
