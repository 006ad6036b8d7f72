// The door for answers that other instances share. They come from a store that anybody on its network may write, so
// they are checked like an upstream's: a whole response to exactly this question, not an error, within the policy's
// lifetimes, and inspected against the block lists before any client gets it.
#pragma once

#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "resolver/cache.h"
#include "resolver/policy.h"
#include "storage/redis_messages.h"
#include "storage/redis_status.h"

namespace rampart::resolver {

/// One thread at a time.
class CacheIntake {
 public:
  explicit CacheIntake(Cache& cache);

  /// Puts `message` under the plain key of the question, to expire after `ttl_seconds` or earlier if its records say
  /// so; their TTLs are aged by what the answer has lived already.
  [[nodiscard]] storage::TakeOver take_over(const storage::SharedKey& question, base::ByteView message,
                                            std::uint32_t ttl_seconds, const PolicySnapshot& policy, base::Instant now);

 private:
  Cache& cache_;
  std::vector<std::uint8_t> scratch_;
  std::vector<std::uint16_t> ttl_offsets_;
};

}  // namespace rampart::resolver
