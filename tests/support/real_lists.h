// Real public lists for tests and benches, if they are there: in the directory that RAMPART_DATA_DIR names, or in
// ../shared/data beside the source tree. They are not part of the project.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rampart::support {

/// The text of `file` (without .zst); nullopt if there is none.
[[nodiscard]] std::optional<std::string> read_real_list(std::string_view file);

/// Popular names (top-20k.csv), most popular first; empty if they are not there.
[[nodiscard]] std::vector<std::string> popular_names();

}  // namespace rampart::support
