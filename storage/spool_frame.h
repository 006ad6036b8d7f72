// A frame of a spool segment: one batch with its ID and a checksum. Nothing in a frame is believed before the
// checksum: where it does not hold, the next whole frame is searched for, so damage costs what it touches.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "storage/entry_batch.h"

namespace rampart::storage {

/// A batch beyond this is no batch of ours: the limit for what a damaged length can make us read.
inline constexpr std::uint32_t kFrameBytesMax = 64u << 20;

/// As it stands in the file; the payload follows. All numbers little-endian.
struct FrameHead {
  static constexpr std::uint32_t kMagic = 0x314d5246;  // "FRM1"
  std::uint32_t magic = kMagic;
  std::uint32_t payload_bytes = 0;
  std::uint32_t count = 0;
  BatchId id{};
  std::uint32_t crc = 0;  ///< CRC-32 of the fields before it, then of the payload
};
static_assert(sizeof(FrameHead) == 32);

[[nodiscard]] FrameHead head_of(const EntryBatch& batch);

/// A head at `at` whose frame lies inside the file and has room for its entries.
[[nodiscard]] bool read_head(int fd, std::uint64_t at, std::uint64_t file_bytes, FrameHead& head);

[[nodiscard]] bool read_all(int fd, char* data, std::size_t size, std::uint64_t at);

/// What is found from an offset on: a whole frame, or octets that are none.
struct FrameSpan {
  std::optional<EntryBatch> batch;
  std::uint64_t end = 0;      ///< offset of what follows
  std::uint32_t entries = 0;  ///< of the batch; or lost, by what the head still says, and at least one
  bool is_torn = false;       ///< the beginning of a frame whose writer was killed; no entries
};
[[nodiscard]] FrameSpan read_frame(int fd, std::uint64_t at, std::uint64_t file_bytes);

}  // namespace rampart::storage
