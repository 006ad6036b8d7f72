// From a decided query to what the log keeps of it: copies only, no formatting but a bounded reason text for
// clients that asked for extended errors.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "resolver/policy.h"
#include "resolver/query_context.h"
#include "storage/query_log.h"

namespace rampart::resolver {

/// Pushes one event; false when the ring was full.
bool write_event(storage::QueryEventRing& ring, const QueryContext& context, const PolicySnapshot& policy,
                 const QueryTiming& timing, base::ByteView response) noexcept;

/// `BLOCKED (ads: *.example.com, malware: example.com)` in a fixed buffer, cut at its end.
class ReasonText {
 public:
  void assign(const QueryContext& context, const PolicySnapshot& policy) noexcept;
  [[nodiscard]] std::string_view view() const noexcept { return {buffer_.data(), length_}; }

 private:
  void append(std::string_view text) noexcept;

  std::array<char, 200> buffer_;  // RFC 8914 sets no bound; 200 octets keep answers small
  std::size_t length_ = 0;
};

}  // namespace rampart::resolver
