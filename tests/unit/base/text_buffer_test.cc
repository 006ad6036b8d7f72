#include "base/text_buffer.h"

#include <gtest/gtest.h>

#include <string>

namespace rampart::base {
namespace {

TEST(TextBuffer, HoldsWhatWasAppendedAsItGrows) {
  TextBuffer buffer;
  EXPECT_EQ(buffer.view(), "");
  for (int round = 0; round < 3; ++round) {
    std::string expected;
    buffer.clear();
    for (std::size_t length = 0; length < 200; ++length) {
      const std::string piece(length, static_cast<char>('a' + length % 26));
      buffer.append(piece);
      expected += piece;
      ASSERT_EQ(buffer.view(), expected);
    }
  }
}

TEST(TextBuffer, TakesAPieceFarLongerThanItsRoom) {
  TextBuffer buffer;
  const std::string piece(100'000, 'x');
  buffer.append("a");
  buffer.append(piece);
  buffer.append({});
  EXPECT_EQ(buffer.view(), "a" + piece);
}

}  // namespace
}  // namespace rampart::base
