// All configured lists with their last good versions, and the FilterSet made of them. A source that cannot be
// read, or that is no list, keeps the version that was in force.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/keyed_hash.h"
#include "base/result.h"
#include "blocklists/filter_set.h"
#include "blocklists/list_source.h"

namespace rampart::control {

/// One line of `blocking.denylists` or `blocking.allowlists`.
struct ListEntry {
  std::string group;
  blocklists::Action action{};
  blocklists::SourceSpec source;
};

/// Not thread-safe: it belongs to whoever loads lists.
class ListCatalog {
 public:
  ListCatalog(const base::HashKey& key, const blocklists::ListParserOptions& options) : key_(key), options_(options) {}

  struct Outcome {
    std::shared_ptr<const blocklists::FilterSet> filter;
    std::vector<std::string> errors;       ///< one for each source that was not read; it keeps its last version
    std::vector<std::string> empty_groups; ///< groups with an error and without a single rule
  };

  /// Reads every source (again) and builds. Fails only when a limit of the FilterSet is exceeded.
  [[nodiscard]] base::Result<Outcome, std::string> load(const std::vector<ListEntry>& entries);

 private:
  const base::HashKey key_;
  const blocklists::ListParserOptions options_;
  std::map<blocklists::SourceSpec, blocklists::LoadedSource> last_good_;
};

}  // namespace rampart::control
