#include "base/pages.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <tuple>

namespace rampart::base {
namespace {

TEST(Pages, AreZeroedAlignedAndAllThere) {
  for (const auto& [bytes, huge] : {std::tuple<std::size_t, std::size_t>{5000, 0},
                                    {5000, 5000},
                                    {kHugePageBytes, kHugePageBytes},
                                    {3 * kHugePageBytes + 5000, 2 * kHugePageBytes + 1},
                                    {3 * kHugePageBytes + 5000, 3 * kHugePageBytes + 5000}}) {
    auto* const data = static_cast<std::uint8_t*>(map_pages(bytes, huge));
    if (huge >= kHugePageBytes) {
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(data) % kHugePageBytes, 0u);
    }
    EXPECT_TRUE(std::all_of(data, data + bytes, [](std::uint8_t octet) { return octet == 0; }));
    std::fill(data, data + bytes, std::uint8_t{0xa5});
    EXPECT_EQ(munmap(data, bytes), 0);
  }
}

}  // namespace
}  // namespace rampart::base
