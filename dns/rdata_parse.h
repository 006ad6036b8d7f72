// RDATA from its presentation format: the columns behind the type of a zone file's record (RFC 1035 3.3 and the
// RFCs of younger types; RFC 3597 5 for all others). Not for the query path.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "dns/name.h"
#include "dns/types.h"
#include "dns/zone_lexer.h"

namespace rampart::dns {

/// The name that `text` means: `@` is the origin, a name without final dot is relative to it. nullopt: no name, or
/// relative and there is no origin.
[[nodiscard]] std::optional<Name> parse_relative_name(std::string_view text, const std::optional<Name>& origin);

/// Seconds, or numbers with units (`1h30m`; s, m, h, d, w); at most 2^31 - 1 (RFC 2181 8).
[[nodiscard]] std::optional<std::uint32_t> parse_ttl(std::string_view text);

/// The RDATA, or what is wrong with it.
[[nodiscard]] base::Result<std::vector<std::uint8_t>, std::string> parse_rdata(RrType type,
                                                                              std::span<const ZoneColumn> columns,
                                                                              const std::optional<Name>& origin);

}  // namespace rampart::dns
