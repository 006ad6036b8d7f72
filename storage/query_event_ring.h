// The worker's end of the query log: one ring of finished query events for each worker. begin() only copies octets;
// decoding, text and input/output belong to the storage threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>

#include "base/bytes.h"
#include "base/plain_text.h"
#include "base/spsc_byte_ring.h"
#include "storage/query_event.h"

namespace rampart::storage {

/// Owned by the QueryLog. begin() and commit() belong to one worker, consume() to the drain thread, the counts to
/// anybody.
class QueryEventRing {
 public:
  explicit QueryEventRing(std::size_t capacity_bytes) : ring_(capacity_bytes) {}

  /// Begins an event: copies its parts and sets their lengths in its head. The caller fills the other fields of the
  /// head and the `detail_bytes` at detail_of() where they lie, and calls commit(). Made elsewhere, they would be
  /// copied while they are still being stored, and a processor waits for that.
  ///
  /// Returns  null, and counts it as refused, when the ring is full or a part exceeds 65535 octets.
  /// Cost     two comparisons and the copies: no allocation, lock or system call.   Thread  the ring's worker.
  [[nodiscard, gnu::always_inline]] QueryEventHead* begin(base::ByteView client_names, std::size_t detail_bytes,
                                                          base::ByteView question,
                                                          base::ByteView response) noexcept {
    constexpr std::size_t kPartBytesMax = UINT16_MAX;
    const std::size_t longest = std::max(std::max(client_names.size(), detail_bytes),
                                         std::max(question.size(), response.size()));
    if (longest > kPartBytesMax) {
      oversize_.add();
      return nullptr;
    }
    std::uint8_t* at = ring_.reserve(sizeof(QueryEventHead) + client_names.size() + detail_bytes +
                                     question.size() + response.size());
    if (at == nullptr) return nullptr;
    static_assert(alignof(QueryEventHead) <= base::SpscByteRing::kAlign);
    auto* const head = ::new (at) QueryEventHead;
    head->client_names_length = static_cast<std::uint16_t>(client_names.size());
    head->detail_length = static_cast<std::uint16_t>(detail_bytes);
    head->question_length = static_cast<std::uint16_t>(question.size());
    head->response_length = static_cast<std::uint16_t>(response.size());
    auto* to = reinterpret_cast<char*>(at + sizeof(QueryEventHead));
    to = base::put_text(to, base::as_text(client_names)) + detail_bytes;
    to = base::put_text(to, base::as_text(question));
    base::put_text(to, base::as_text(response));
    return head;
  }
  /// Where the detail of an event goes that was just begun.
  [[nodiscard]] static char* detail_of(QueryEventHead* head) noexcept {
    return reinterpret_cast<char*>(head + 1) + head->client_names_length;
  }
  void commit() noexcept { ring_.commit(); }

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
