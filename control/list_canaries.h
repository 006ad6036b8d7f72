// Names that no list may block: if one of them is on a list, the list is wrong, whoever wrote it.
#pragma once

#include <string>
#include <vector>

#include "control/config.h"

namespace rampart::control {

/// The hosts of the upstreams and of the lists themselves, time and update servers of the large platforms, and
/// `blocking.admission.canaries`, in which `!name` takes one away. Sorted, lower case, each once.
[[nodiscard]] std::vector<std::string> list_canaries(const Config& config);

}  // namespace rampart::control
