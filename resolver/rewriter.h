// `rewrite` of customDNS and conditional: a name that ends in `.key` gets the key's value in place of the key. The
// key itself, without anything before it, is left alone, as in Blocky; of several keys that fit the longest counts,
// where Blocky takes one at random.
#pragma once

#include <utility>
#include <vector>

#include "resolver/name_index.h"

namespace rampart::resolver {

class Rewriter {
 public:
  Rewriter(const base::HashKey& key, const std::vector<std::pair<dns::Name, dns::Name>>& suffixes);

  [[nodiscard]] bool empty() const noexcept { return values_.empty(); }
  /// Writes the rewritten name to `out`; false if no key fits, or the result is longer than a name can be. `out`
  /// may not be `name`.
  [[nodiscard]] bool rewrite(const dns::FoldedName& name, const blocklists::NameHashes& hashes,
                             dns::FoldedName& out) const noexcept;

 private:
  NameIndex keys_;
  std::vector<dns::Name> values_;  ///< by the key's number
};

}  // namespace rampart::resolver
