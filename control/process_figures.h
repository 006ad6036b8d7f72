// What the kernel says about this process, for the process_* metrics every Prometheus user expects.
#pragma once

#include <cstdint>
#include <optional>

namespace rampart::control {

struct ProcessFigures {
  double cpu_seconds = 0;
  double start_unix_s = 0;
  std::uint64_t resident_bytes = 0, virtual_bytes = 0;
  std::uint64_t open_fds = 0, max_fds = 0;
};

/// From /proc/self; nullopt where that does not exist.
[[nodiscard]] std::optional<ProcessFigures> read_process_figures();

}  // namespace rampart::control
