// What a fuzz target claims.
#pragma once

#include <cstdlib>

namespace rampart::fuzz {

/// Ends the program unless the claim holds: the fuzzer keeps the input.
inline void require(bool claim) {
  if (!claim) std::abort();
}

}  // namespace rampart::fuzz
