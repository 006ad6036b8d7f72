// The door for answers that other instances share. They come from a store that anybody on its network may write, so
// they are checked like an upstream's: a whole response to exactly this question, not an error, within the policy's
// lifetimes, and inspected against the block lists before any client gets it.
#pragma once

#include "base/bytes.h"
#include "base/time.h"
#include "resolver/answer_keeper.h"
#include "resolver/cache.h"
#include "resolver/policy.h"
#include "storage/redis_messages.h"
#include "storage/redis_status.h"

namespace rampart::resolver {

/// One thread at a time.
class CacheIntake {
 public:
  explicit CacheIntake(Cache& cache) : cache_(cache) {}

  /// Puts `message` under the plain key of the question. Its TTLs are aged by what it has lived already, and then bounded
  /// as an upstream's; it expires after `ttl_seconds` (or `caching.minTime`, if that is longer), or earlier if its
  /// records say so.
  [[nodiscard]] storage::TakeOver take_over(const storage::SharedKey& question, base::ByteView message,
                                            std::uint32_t ttl_seconds, const PolicySnapshot& policy, base::Instant now);

 private:
  Cache& cache_;
  AnswerKeeper keeper_;
};

}  // namespace rampart::resolver
