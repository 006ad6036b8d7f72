#include "base/random.h"

#include <sys/random.h>

#include <cerrno>
#include <cstdlib>

#include "base/keyed_hash.h"

namespace rampart::base {
namespace {

// getrandom blocks only before the kernel's pool is first seeded; any other failure means that we could not
// keep our promise of unpredictable IDs, so the process must not go on.
void fill(void* out, std::size_t length) noexcept {
  auto* p = static_cast<std::uint8_t*>(out);
  while (length > 0) {
    const ssize_t n = getrandom(p, length, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) std::abort();
    p += n;
    length -= static_cast<std::size_t>(n);
  }
}

}  // namespace

void SecureRandom::refill() noexcept {
  fill(pool_.data(), sizeof(pool_));
  next_ = 0;
}

HashKey random_hash_key() {
  HashKey key;
  fill(&key, sizeof(key));
  return key;
}

}  // namespace rampart::base
