// Whether a new version of a list may come into force. A list is somebody else's file: it may arrive cut short, grow by
// mistake, become another list, or be written by somebody who means harm. Its last good version is better than any of
// these, so a version that fails here is refused, and says why.
//
// Text that is no list at all (an HTML page, too many lines in error, an archive bomb) is refused where it is read, in
// list_source.h; this gate judges what was read.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/counter.h"
#include "base/keyed_hash.h"
#include "blocklists/compiled_source.h"
#include "blocklists/list_parser.h"
#include "blocklists/name_hashes.h"
#include "dns/name.h"

namespace rampart::blocklists {

enum class Refusal : std::uint8_t {
  kErrors,   ///< more lines in error than the budget allows, or nothing but errors
  kHtml,     ///< a web page: a captive portal, a vanished project
  kTooLong,  ///< more text than kSourceTextBytesMax
  kShrunk,
  kGrown,
  kCanary,   ///< it would block a name that must never be blocked
};
inline constexpr std::size_t kRefusalCount = 6;
/// For metrics: "errors", "html", "too_long", "shrunk", "grown", "canary".
[[nodiscard]] std::string_view to_text(Refusal refusal) noexcept;

/// Versions refused, by cause. Thread: any.
class RefusalCounters {
 public:
  void add(Refusal refusal) noexcept { counters_[static_cast<std::size_t>(refusal)].add(); }
  [[nodiscard]] std::uint64_t value(Refusal refusal) const noexcept {
    return counters_[static_cast<std::size_t>(refusal)].value();
  }

 private:
  std::array<base::SharedCounter, kRefusalCount> counters_;
};

struct AdmissionOptions {
  bool enable = true;
  std::uint32_t max_shrink_percent = 50;    ///< of the last good version's entries
  std::uint32_t max_growth_percent = 1000;  ///< likewise
  bool html = false;                        ///< whether a web page is taken for a list
  std::vector<std::string> canaries;        ///< names, presentation format; what is no name is left out
};

struct Refused {
  Refusal cause{};
  std::string why;  ///< for people, with the cure
};

/// Immutable; judge() may be called from several threads.
class AdmissionGate {
 public:
  /// Below so many entries, percentages say nothing: the owner of a short list edits it by hand.
  static constexpr std::uint64_t kSizedEntriesMin = 100;

  /// `key` is the one that sources are compiled with.
  AdmissionGate(const base::HashKey& key, const AdmissionOptions& options);

  struct Circumstances {
    bool denies = true;  ///< it stands in a denylist: canaries count
    std::optional<std::uint64_t> entries_before;  ///< of the last good version; unset: there is none
  };
  /// nullopt: admitted. Cost: binary searches for each canary, and every regex once.
  [[nodiscard]] std::optional<Refused> judge(const CompiledSource& version, const ListStatistics& statistics,
                                             const Circumstances& circumstances) const;

 private:
  struct Canary {
    std::string text;
    NameHashes hashes;
  };
  [[nodiscard]] std::optional<Refused> judge_size(std::uint64_t entries, std::uint64_t before) const;
  [[nodiscard]] const Canary* blocked_canary(const CompiledSource& version) const;

  const AdmissionOptions options_;
  std::vector<Canary> canaries_;
};

}  // namespace rampart::blocklists
