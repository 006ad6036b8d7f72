// Addresses as text where each query has some: the C library's printers cost more than the rest of a log line.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace rampart::base {

/// Appends `192.0.2.1`.
void append_v4_text(std::string& out, std::span<const std::uint8_t, 4> octets);

}  // namespace rampart::base
