// How much longer than elsewhere tests wait: more than 1 under a sanitizer, whose preset sets it.
#pragma once

namespace rampart::test_support {

inline constexpr int kTimeFactor = RAMPART_TIME_FACTOR;

}  // namespace rampart::test_support
