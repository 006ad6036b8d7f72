// What stands inside the RDATA of the types that carry names or that we look into: the one table behind
// checking a message, reading the name of a record and writing a record elsewhere. All other types are opaque
// (RFC 3597 3).
#pragma once

#include <cstdint>

#include "base/bytes.h"
#include "dns/message_view.h"
#include "dns/types.h"

namespace rampart::dns {

/// RDATA of the form: `fixed` octets, `strings` character-strings, `names` domain names, `tail` octets.
struct RdataLayout {
  std::uint8_t fixed = 0;
  std::uint8_t strings = 0;
  std::uint8_t names = 0;
  std::uint8_t tail = 0;
};

/// The layout of a type whose names may be compressed (RFC 1035 3.3, RFC 3597 4); nullptr for all others.
[[nodiscard]] const RdataLayout* layout_with_names(RrType type) noexcept;

/// True if the RDATA of `type` at `at` is well formed, names included; true for opaque types.
[[nodiscard]] bool is_well_formed_rdata(base::ByteView message, std::size_t at, std::size_t length,
                                        RrType type) noexcept;

/// Copies the RDATA of a record of a parsed message into `out`, its names expanded, so that it can stand at any
/// place of any message. Returns false if it does not fit; `written` is its new length.
[[nodiscard]] bool copy_rdata_expanded(const RecordView& record, base::MutableBytes out,
                                       std::size_t& written) noexcept;

}  // namespace rampart::dns
