#include "base/plain_text.h"

#include <gtest/gtest.h>

#include <string>

namespace rampart::base {
namespace {

TEST(PlainText, EachOddOctetIsSeenAtEachPlace) {
  for (std::size_t length = 0; length <= 40; ++length) {
    EXPECT_TRUE(is_plain(std::string(length, 'x')));
    EXPECT_EQ(plain_prefix(std::string(length, 'x')), length);
    for (std::size_t at = 0; at < length; ++at) {
      for (int octet = 0; octet < 256; ++octet) {
        for (const char around : {' ', '~', 'a'}) {
          std::string text(length, around);
          text[at] = static_cast<char>(octet);
          const bool is_plain = octet >= 0x20 && octet < 0x7f;
          EXPECT_EQ(plain_prefix(text), is_plain ? length : at) << octet << " at " << at << " of " << length;
          EXPECT_EQ(base::is_plain(text), is_plain) << octet << " at " << at << " of " << length;
        }
      }
    }
  }
}

TEST(FoldText, LowersAsciiLettersAndNothingElse) {
  for (std::size_t length = 1; length <= 20; ++length) {
    for (int octet = 0; octet < 256; ++octet) {
      std::string text(length, 'Q');
      text[length / 2] = static_cast<char>(octet);
      std::string folded(length, '#');
      fold_text(text, folded.data());
      for (std::size_t i = 0; i < length; ++i) {
        const char c = text[i];
        EXPECT_EQ(folded[i], c >= 'A' && c <= 'Z' ? static_cast<char>(c + 0x20) : c) << octet << " of " << length;
      }
    }
  }
}

TEST(PutText, CopiesEachLengthAndNothingBehindIt) {
  std::string text;
  for (std::size_t length = 0; length <= 80; ++length) {
    std::string to(100, '#');
    EXPECT_EQ(put_text(to.data(), text), to.data() + length);
    EXPECT_EQ(to, text + std::string(100 - length, '#'));
    text += static_cast<char>('!' + length);
  }
}

}  // namespace
}  // namespace rampart::base
