// The page at /: what runs here, and where the rest is.
#pragma once

#include <string>

namespace rampart::control {

struct AdminApiOptions;

[[nodiscard]] std::string landing_page(const AdminApiOptions& options, bool serves_doh);

}  // namespace rampart::control
