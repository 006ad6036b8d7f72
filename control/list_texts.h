// The texts of all configured lists, at hand for tools that work beside a server or without one: inline text and
// files as they are, of a download the server's last good copy, or a fresh one when there is none. The server's own
// folder of copies is only read: everything new goes to a private folder that vanishes with this object.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/time.h"
#include "blocklists/list_scan.h"
#include "control/list_catalog.h"
#include "control/progress.h"

namespace rampart::control {

enum class DownloadMode : std::uint8_t {
  kMissing,  ///< only lists without a copy on disk
  kAll,      ///< every one; a copy on disk is the fallback
  kNone,     ///< only what is on disk
};

struct TextState {
  enum class Kind : std::uint8_t { kInline, kFile, kFresh, kFromDisk, kFailed, kRefused } kind = Kind::kInline;
  std::string why;          ///< of kFailed and kRefused, or of kFromDisk after a failed download
  base::WallTime as_of{};   ///< of the file or copy; epoch: unknown, or inline
};
[[nodiscard]] std::string_view to_text(TextState::Kind kind) noexcept;

class ListTexts {
 public:
  /// Gathers everything now; `progress` is told of each download. Downloads run `options.concurrency` at a time.
  ListTexts(const std::vector<ListEntry>& entries, ListCatalogOptions options, DownloadMode mode, Progress& progress);
  ~ListTexts();
  ListTexts(const ListTexts&) = delete;
  ListTexts& operator=(const ListTexts&) = delete;

  [[nodiscard]] const TextState& state(const blocklists::SourceSpec& source) const { return states_.at(source); }
  /// nullopt for a source that failed or that a server would refuse.
  [[nodiscard]] std::optional<blocklists::ReadText> reader(const blocklists::SourceSpec& source) const;
  /// The options for a ListCatalog that finds (Effort::kAtHand) exactly these texts.
  [[nodiscard]] const ListCatalogOptions& catalog_options() const noexcept { return options_; }

 private:
  struct Gathering;
  [[nodiscard]] TextState gather(const blocklists::SourceSpec& source, const Gathering& how) const;

  ListCatalogOptions options_;
  std::map<blocklists::SourceSpec, TextState> states_;
};

}  // namespace rampart::control
