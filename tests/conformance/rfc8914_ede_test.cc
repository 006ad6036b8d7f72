// RFC 8914: Extended DNS Errors on the wire.
#include <gtest/gtest.h>

#include "dns/message_view.h"
#include "dns/response_writer.h"
#include "tests/support/dns_messages.h"

namespace rampart::dns {
namespace {

using testing::Bytes;
using testing::opt_record;
using testing::query_for;

Bytes options_with(EdeCode code, std::string_view text) {
  const Bytes wire = query_for("www.example.org", RrType::kA).additional(opt_record()).build();
  const auto query = *QueryView::parse(wire);
  std::uint8_t out[512];
  ResponseWriter writer(query, out, 512);
  writer.add_ede(code, text);
  Bytes options;
  MessageView::parse({out, writer.finish()})->for_each_record([&](const RecordView& opt) {
    options.assign(opt.rdata().begin(), opt.rdata().end());
    return true;
  });
  return options;
}

/// True if `text` is a sequence of whole UTF-8 characters.
bool is_whole_utf8(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const auto lead = static_cast<unsigned char>(text[i]);
    const std::size_t length = lead < 0x80 ? 1 : lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 0;
    if (length == 0 || i + length > text.size()) return false;
    for (std::size_t k = 1; k < length; ++k)
      if ((static_cast<unsigned char>(text[i + k]) & 0xc0) != 0x80) return false;
    i += length;
  }
  return true;
}

TEST(Rfc8914Section2, OptionCode15InfoCodeThenText) {
  EXPECT_EQ(options_with(EdeCode::kBlocked, "no"), Bytes({0, 15, 0, 4, 0, 15, 'n', 'o'}));
  EXPECT_EQ(options_with(EdeCode::kFiltered, ""), Bytes({0, 15, 0, 2, 0, 17}));
}

TEST(Rfc8914Section2, TextIsCutBetweenCharacters) {
  const std::string_view characters[] = {"x", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x9b\xa1"};
  for (const std::string_view character : characters) {
    for (std::size_t lead = 0; lead < 4; ++lead) {
      std::string text(lead, 'x');
      while (text.size() < 300) text += character;
      const Bytes options = options_with(EdeCode::kOther, text);
      const std::string sent(options.begin() + 6, options.end());
      EXPECT_TRUE(is_whole_utf8(sent)) << character << lead;
      EXPECT_LE(sent.size(), 200u);
      EXPECT_GT(sent.size(), 196u);
      EXPECT_EQ(text.substr(0, sent.size()), sent);
    }
  }
}

TEST(Rfc8914Section2, TextThatIsNoUtf8IsStillBounded) {
  EXPECT_EQ(options_with(EdeCode::kOther, std::string(300, '\x80')).size(), 6u);
  EXPECT_EQ(options_with(EdeCode::kOther, std::string(300, '\xff')).size(), 206u);
}

}  // namespace
}  // namespace rampart::dns
