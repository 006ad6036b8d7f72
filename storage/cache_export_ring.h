// The worker's end of sharing: one ring of fresh answers for each worker, emptied by the Redis thread.
#pragma once

#include <cstdint>
#include <cstring>

#include "base/bytes.h"
#include "base/spsc_byte_ring.h"
#include "dns/types.h"

namespace rampart::storage {

struct ExportedAnswer {
  std::uint32_t ttl_seconds = 0;
  dns::RrType type{};
  base::ByteView message;  ///< the question's name stands uncompressed and in lower case at offset 12
};

class CacheExportRing {
 public:
  /// Some thousand answers: what a worker resolves in the 100 ms between two visits of the Redis thread, many times.
  static constexpr std::size_t kBytes = std::size_t{512} << 10;

  CacheExportRing() : ring_(kBytes) {}

  /// Copies; false, and counted, when full. No allocation, lock or system call. Thread: the ring's worker.
  bool push(dns::RrType type, std::uint32_t ttl_seconds, base::ByteView message) noexcept {
    std::uint8_t* at = ring_.reserve(kHeadBytes + message.size());
    if (at == nullptr) return false;
    base::store_u32(at, ttl_seconds);
    base::store_u16(at + 4, static_cast<std::uint16_t>(type));
    std::memcpy(at + kHeadBytes, message.data(), message.size());
    ring_.commit();
    return true;
  }

  template <class Visitor>
  std::size_t consume(Visitor&& visit, std::size_t records_max) {
    return ring_.consume(
        [&](base::ByteView record) {
          visit(ExportedAnswer{base::load_u32(record.data()), static_cast<dns::RrType>(base::load_u16(record.data() + 4)),
                               record.subspan(kHeadBytes)});
        },
        records_max);
  }

  [[nodiscard]] std::uint64_t refused() const noexcept { return ring_.refused(); }

 private:
  static constexpr std::size_t kHeadBytes = 8;
  base::SpscByteRing ring_;
};

}  // namespace rampart::storage
