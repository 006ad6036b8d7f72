// The worker's end of the query log: one ring of finished query events for each worker. push() only copies octets;
// decoding, text and input/output belong to the storage threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/bytes.h"
#include "base/spsc_byte_ring.h"
#include "storage/query_event.h"

namespace rampart::storage {

/// Owned by the QueryLog. push() belongs to one worker, consume() to the drain thread, the counts to anybody.
class QueryEventRing {
 public:
  explicit QueryEventRing(std::size_t capacity_bytes) : ring_(capacity_bytes) {}

  /// Copies one event; the lengths in `head` are set here from the views.
  ///
  /// Returns  false, and counts it as refused, when the ring is full or a part exceeds 65535 octets.
  /// Cost     two comparisons and the copies: no allocation, lock or system call.   Thread  the ring's worker.
  bool push(const QueryEventHead& head, base::ByteView client_names, base::ByteView detail,
            base::ByteView question, base::ByteView response) noexcept {
    constexpr std::size_t kPartBytesMax = UINT16_MAX;
    const std::size_t longest = std::max(std::max(client_names.size(), detail.size()),
                                         std::max(question.size(), response.size()));
    if (longest > kPartBytesMax) {
      oversize_.add();
      return false;
    }
    std::uint8_t* at = ring_.reserve(sizeof head + client_names.size() + detail.size() + question.size() +
                                     response.size());
    if (at == nullptr) return false;
    QueryEventHead sized = head;
    sized.client_names_length = static_cast<std::uint16_t>(client_names.size());
    sized.detail_length = static_cast<std::uint16_t>(detail.size());
    sized.question_length = static_cast<std::uint16_t>(question.size());
    sized.response_length = static_cast<std::uint16_t>(response.size());
    std::memcpy(at, &sized, sizeof sized);
    at += sizeof sized;
    for (const base::ByteView part : {client_names, detail, question, response}) {
      if (!part.empty()) std::memcpy(at, part.data(), part.size());
      at += part.size();
    }
    ring_.commit();
    return true;
  }

  /// Drain thread: `visit(ByteView record)` for what waits; the views die with the call.
  template <class Visitor>
  std::size_t consume(Visitor&& visit, std::size_t records_max) {
    return ring_.consume(visit, records_max);
  }

  [[nodiscard]] std::uint64_t pushed() const noexcept { return ring_.pushed(); }
  [[nodiscard]] std::uint64_t refused() const noexcept { return ring_.refused() + oversize_.value(); }
  [[nodiscard]] std::size_t used() const noexcept { return ring_.used(); }
  [[nodiscard]] std::size_t capacity() const noexcept { return ring_.capacity(); }

 private:
  base::SpscByteRing ring_;
  base::Counter oversize_;
};

}  // namespace rampart::storage
