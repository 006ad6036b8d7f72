// Reads records from text in zone file format (RFC 1035 5.1): comments, parentheses, quoted strings, @, names
// relative to $ORIGIN, owners and TTLs left out, TTLs with units, $TTL, $INCLUDE, $GENERATE, and RDATA of any type
// in the form of RFC 3597 5. It checks form, not sense: whether the records make a zone is not asked, for here they
// are single names of one's own. Not for the query path.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "dns/name.h"
#include "dns/types.h"

namespace rampart::dns {

struct ZoneRecord {
  Name owner;
  RrType type{};
  std::uint32_t ttl = 0;
  std::vector<std::uint8_t> rdata;  ///< well formed for its type, names uncompressed
};

struct ZoneFault {
  std::string file;        ///< of an $INCLUDE; empty: the text itself
  std::uint64_t line = 0;  ///< counted from 1, where the entry begins
  std::string what;        ///< what was found, and the cure
};

struct ZoneTextLimits {
  /// Of all text together: a hundred times a large network's own names.
  std::size_t bytes_max = std::size_t{16} << 20;
  std::size_t records_max = 1'000'000;            ///< $GENERATE makes much of little
  unsigned include_depth_max = 7;                 ///< files within files
};

struct ZoneTextOptions {
  /// The text of the file that an $INCLUDE names, or why there is none. Unset: $INCLUDE is a fault.
  std::function<base::Result<std::string, std::string>(const std::string& path)> include;
  ZoneTextLimits limits;
};

/// More faults are not looked for.
inline constexpr std::size_t kZoneFaultsMax = 100;

/// All records, or all faults, in the order of the text. Behind a $ORIGIN, $TTL, quote or parenthesis in error, or
/// a limit, nothing is read: what follows would be misunderstood.
[[nodiscard]] base::Result<std::vector<ZoneRecord>, std::vector<ZoneFault>> parse_zone(
    std::string_view text, const ZoneTextOptions& options = {});

}  // namespace rampart::dns
