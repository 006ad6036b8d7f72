// What changes between two lists or two configurations: which entries came and went, and, since most of such
// changes decide nothing (a name under a wildcard that stays), for which names the verdict is another one.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/result.h"
#include "control/list_texts.h"

namespace rampart::control {

struct GroupDiff {
  std::string group;
  /// `example.org`, `*.x`, `/re/`, `192.0.2.0/24`, with `allow ` before it.
  std::vector<std::string> added, removed;
  struct Change {
    std::string name;  ///< or address; `*.x` stands for the names below x
    std::string before, after;  ///< "blocked", "allowed", "no rule"
  };
  std::vector<Change> changes;
  std::size_t regexes_changed = 0;  ///< what they match cannot be listed
};

struct ListDiff {
  std::vector<GroupDiff> groups;   ///< that differ
  std::vector<std::string> notes;  ///< groups, clients and schedules that came, went or changed; lists that failed
};

/// Each side is a list (file, URL) or a configuration (*.yml, *.yaml, a folder); both must be the same.
[[nodiscard]] base::Result<ListDiff, std::string> diff_lists(const std::string& before, const std::string& after,
                                                             DownloadMode mode, Progress& progress);

/// At most `shown_max` of each section; 0: all.
[[nodiscard]] std::string diff_text(const ListDiff& diff, std::size_t shown_max);
[[nodiscard]] std::string diff_json(const ListDiff& diff, std::size_t shown_max);

}  // namespace rampart::control
