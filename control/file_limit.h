// File descriptors: every client on TCP or HTTP holds one, and so does every query to an upstream. Service managers
// give 1,024 by default, which a crowd of idle HTTP clients could use up, and then no upstream could be asked.
#pragma once

#include <cstdint>

namespace rampart::control {

struct FileLimit {
  std::uint64_t allowed = 0;  ///< now
  std::uint64_t needed = 0;
};

/// Raises the soft limit to what `needed` asks for, as far as the hard limit lets it.
FileLimit raise_file_limit(std::uint64_t needed);

}  // namespace rampart::control
