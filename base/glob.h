// Patterns for names of clients, as Go's filepath.Match reads them: the one implementation for everything that a
// configuration compares with client names.
#pragma once

#include <string_view>

namespace rampart::base {

/// `*` any run without `/`, `?` one character but `/`, `[a-z]`, `[^…]`, `\` takes the next literally. A malformed
/// pattern matches nothing. Linear in pattern x text; no allocation.
[[nodiscard]] bool glob_matches(std::string_view pattern, std::string_view text) noexcept;
/// Whether glob_matches() could ever say yes.
[[nodiscard]] bool is_glob_well_formed(std::string_view pattern) noexcept;

}  // namespace rampart::base
