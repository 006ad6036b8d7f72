#include "base/plain_text.h"

#include <gtest/gtest.h>

#include <string>

namespace rampart::base {
namespace {

TEST(PlainPrefix, StopsAtEachOddOctetAtEachPlace) {
  for (std::size_t length = 0; length <= 20; ++length) {
    EXPECT_EQ(plain_prefix(std::string(length, 'x')), length);
    for (std::size_t at = 0; at < length; ++at) {
      for (int octet = 0; octet < 256; ++octet) {
        for (const char around : {' ', '~', 'a'}) {
          std::string text(length, around);
          text[at] = static_cast<char>(octet);
          const bool is_plain = octet >= 0x20 && octet < 0x7f;
          EXPECT_EQ(plain_prefix(text), is_plain ? length : at) << octet << " at " << at << " of " << length;
        }
      }
    }
  }
}

}  // namespace
}  // namespace rampart::base
