#include "dns/name.h"

#include <gtest/gtest.h>

#include "tests/support/dns_messages.h"

namespace rampart::dns {
namespace {

using testing::Bytes;
using testing::pointer_to;
using testing::wire_name;

Name name_of(std::string_view text) {
  const auto name = Name::parse(text);
  EXPECT_TRUE(name) << text;
  return name.value_or(Name());
}

std::string repeated(std::string_view piece, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text += piece;
  return text;
}

/// 12 octets of header, then `body`.
Bytes message(const Bytes& body) { return Bytes(12, 0) + body; }

TEST(Name, IsTheRootByDefault) {
  EXPECT_TRUE(Name().view().is_root());
  EXPECT_EQ(to_text(Name().view()), ".");
}

TEST(Name, DefaultViewBecomesTheRoot) {
  EXPECT_EQ(Name(NameView()).wire().size(), 1u);
  FoldedName folded;
  folded.assign(NameView());
  EXPECT_EQ(folded.length, 1);
  EXPECT_EQ(folded.label_count, 0);
}

TEST(Name, ReadFollowsAPointerAndStopsBehindIt) {
  const Bytes wire = message(wire_name("example.org") + Bytes{3, 'w', 'w', 'w'} + pointer_to(12) + Bytes{0xee});
  std::size_t offset = 25;
  const auto name = Name::read(wire, offset);
  ASSERT_TRUE(name);
  EXPECT_EQ(to_text(name->view()), "www.example.org");
  EXPECT_EQ(offset, 31u);
}

TEST(Name, ReadFollowsPointersToPointers) {
  const Bytes wire = message(wire_name("org") + Bytes{7, 'e', 'x', 'a', 'm', 'p', 'l', 'e'} + pointer_to(12) +
                             Bytes{1, 'a'} + pointer_to(17));
  std::size_t offset = 27;
  const auto name = Name::read(wire, offset);
  ASSERT_TRUE(name);
  EXPECT_EQ(to_text(name->view()), "a.example.org");
  EXPECT_EQ(offset, wire.size());
}

struct BadName {
  const char* what;
  Bytes wire;
  std::size_t offset;
  NameError error;
};

TEST(Name, ReadRefusesEachDefectWithItsReasonAndLeavesTheOffset) {
  const Bytes base = message(wire_name("example.org"));  // 25 octets
  const BadName cases[] = {
      {"pointer to itself", base + pointer_to(25), 25, NameError::kBadPointer},
      {"pointer forward", base + pointer_to(27) + Bytes{0}, 25, NameError::kBadPointer},
      {"pointer into its own labels", base + Bytes{1, 'a'} + pointer_to(25), 25, NameError::kBadPointer},
      {"pointer to labels that run over it", message(Bytes{2, 'a'} + pointer_to(12) + Bytes{0}), 14,
       NameError::kBadPointer},
      {"pointer to a name that ends behind it", message(Bytes{1, 'a'} + pointer_to(12) + Bytes{0}), 14,
       NameError::kBadPointer},
      {"pointer into the header", base + pointer_to(4), 25, NameError::kBadPointer},
      {"pointer cut short", base + Bytes{0xc0}, 25, NameError::kShort},
      {"label cut short", base + Bytes{4, 'a', 'b'}, 25, NameError::kShort},
      {"no root label", base + Bytes{1, 'a'}, 25, NameError::kShort},
      {"offset at the end", base, 25, NameError::kShort},
      {"offset beyond the end", base, 99, NameError::kShort},
      {"label form 01", base + Bytes(70, 0x41), 25, NameError::kBadLabel},
      {"label form 10", base + Bytes(200, 0x81), 25, NameError::kBadLabel},
      {"256 octets", message(wire_name(repeated(std::string(63, 'a') + ".", 3) + std::string(62, 'a'))), 12,
       NameError::kTooLong},
  };
  for (const BadName& c : cases) {
    std::size_t offset = c.offset;
    const auto name = Name::read(c.wire, offset);
    ASSERT_FALSE(name) << c.what;
    EXPECT_EQ(name.error(), c.error) << c.what;
    EXPECT_EQ(offset, c.offset) << c.what;
    const auto length = measure(c.wire, offset);
    ASSERT_FALSE(length) << c.what;
    EXPECT_EQ(length.error(), c.error) << c.what;
  }
}

TEST(Name, ReadRefusesANameThatIsTooLongOnlyWhenExpanded) {
  const Bytes longest = wire_name(repeated(std::string(63, 'a') + ".", 3) + std::string(61, 'a'));
  ASSERT_EQ(longest.size(), 255u);
  Bytes wire = message(longest + Bytes{1, 'b'} + pointer_to(12));
  std::size_t offset = 12;
  EXPECT_TRUE(Name::read(wire, offset));
  const auto name = Name::read(wire, offset);
  ASSERT_FALSE(name);
  EXPECT_EQ(name.error(), NameError::kTooLong);
}

TEST(Name, ReadBoundsTheNumberOfPointers) {
  // A chain of n pointers, each to the one before it; the first to the root label at 12.
  const auto chain = [](unsigned n) {
    Bytes wire = message(Bytes{0});
    for (unsigned i = 0; i < n; ++i) wire = wire + pointer_to(i == 0 ? 12 : 13 + 2 * (i - 1));
    return wire;
  };
  Bytes wire = chain(128);
  std::size_t offset = wire.size() - 2;
  EXPECT_TRUE(Name::read(wire, offset));
  wire = chain(129);
  offset = wire.size() - 2;
  const auto name = Name::read(wire, offset);
  ASSERT_FALSE(name);
  EXPECT_EQ(name.error(), NameError::kBadPointer);
}

TEST(Name, MeasureMovesAsReadDoes) {
  const Bytes wire = message(wire_name("example.org") + Bytes{3, 'w', 'w', 'w'} + pointer_to(12) + Bytes{0xee});
  std::size_t offset = 25;
  const auto length = measure(wire, offset);
  ASSERT_TRUE(length);
  EXPECT_EQ(*length, wire_name("www.example.org").size());
  EXPECT_EQ(offset, 31u);
}

TEST(Name, MeasureUncompressedAllowsNoPointer) {
  const auto length = measure_uncompressed(Bytes{1, 'a'} + pointer_to(12));
  ASSERT_FALSE(length);
  EXPECT_EQ(length.error(), NameError::kUnexpectedPointer);
}

TEST(Name, MeasureUncompressedKnowsTheLimits) {
  const Bytes longest = wire_name(repeated(std::string(63, 'a') + ".", 3) + std::string(61, 'a'));
  const auto length = measure_uncompressed(longest);
  ASSERT_TRUE(length);
  EXPECT_EQ(*length, 255);
  const Bytes too_long = wire_name(repeated(std::string(63, 'a') + ".", 3) + std::string(62, 'a'));
  ASSERT_FALSE(measure_uncompressed(too_long));
  EXPECT_EQ(measure_uncompressed(too_long).error(), NameError::kTooLong);
  EXPECT_EQ(measure_uncompressed(Bytes{}).error(), NameError::kShort);
  EXPECT_EQ(measure_uncompressed(Bytes{3, 'a'}).error(), NameError::kShort);
  EXPECT_EQ(measure_uncompressed(Bytes{0x80, 'a'}).error(), NameError::kBadLabel);
}

TEST(Name, ParseTakesAFinalDotOrNone) {
  for (const char* text : {"example.org", "example.org."}) {
    const Name name = name_of(text);
    EXPECT_EQ(Bytes(name.wire().begin(), name.wire().end()), wire_name("example.org"));
  }
  EXPECT_TRUE(name_of(".").view().is_root());
}

TEST(Name, ParseReadsEscapes) {
  const Name name = name_of("a\\.b\\\\.\\000\\255x");
  EXPECT_EQ(Bytes(name.wire().begin(), name.wire().end()),
            (Bytes{4, 'a', '.', 'b', '\\', 3, 0, 255, 'x', 0}));
  EXPECT_EQ(to_text(name.view()), "a\\.b\\\\.\\000\\255x");
}

TEST(Name, ParseRefusesWhatIsNoName) {
  for (const char* text : {"", "..", ".a", "a..b", "a..", "a\\", "a\\1", "a\\12", "a\\256", "a\\1x2"})
    EXPECT_FALSE(Name::parse(text)) << '"' << text << '"';
  EXPECT_FALSE(Name::parse(std::string(64, 'a')));
  EXPECT_TRUE(Name::parse(std::string(63, 'a')));
  EXPECT_TRUE(Name::parse(repeated("a.", 127)));
  EXPECT_FALSE(Name::parse(repeated("a.", 128)));
  EXPECT_TRUE(Name::parse(repeated(std::string(63, 'a') + ".", 3) + std::string(61, 'a')));
  EXPECT_FALSE(Name::parse(repeated(std::string(63, 'a') + ".", 3) + std::string(62, 'a')));
  EXPECT_FALSE(Name::parse(std::string(100000, 'a')));
}

TEST(Name, TextEscapesWhatAMasterFileWouldMisread) {
  const Bytes wire{10, ' ', '"', ';', '(', ')', '@', '\'', 0x7f, 'A', '-', 0};
  EXPECT_EQ(to_fqdn_text(NameView(wire)), "\\ \\\"\\;\\(\\)\\@\\'\\127A-.");
}

TEST(Name, TextIsAppendedWithADotForEachLabel) {
  std::string text = "in front ";
  append_fqdn_text(text, name_of("www.Example_1.org").view());
  EXPECT_EQ(text, "in front www.Example_1.org.");
  append_fqdn_text(text, Name().view());
  EXPECT_EQ(text, "in front www.Example_1.org..");
  append_fqdn_text(text, name_of("a.b\\.c.d").view());  // one label to escape, others not
  EXPECT_EQ(text, "in front www.Example_1.org..a.b\\.c.d.");
}

TEST(Name, EachOctetOfALabelHasItsText) {
  for (unsigned octet = 0; octet < 256; ++octet) {
    const Bytes wire{1, 'x', 2, static_cast<std::uint8_t>(octet), 'y', 0};
    const std::string text = to_fqdn_text(NameView(wire));
    EXPECT_EQ(Name::parse(text)->view().wire()[3], octet) << text;
    const bool is_alone = std::isalnum(static_cast<int>(octet)) != 0 || octet == '-' || octet == '_';
    if (is_alone) {
      EXPECT_EQ(text, std::string("x.") + static_cast<char>(octet) + "y.");
    }
  }
}

TEST(Name, ComparisonIgnoresAsciiCaseOnly) {
  EXPECT_TRUE(equal_ignoring_case(name_of("WWW.Example.ORG").view(), name_of("www.eXAMPLE.org").view()));
  EXPECT_FALSE(equal_ignoring_case(name_of("\\192").view(), name_of("\\224").view()));  // A-grave in Latin-1
  EXPECT_FALSE(equal_ignoring_case(name_of("@[`{").view(), name_of("`{@[").view()));
  EXPECT_FALSE(equal_ignoring_case(name_of("a.bc").view(), name_of("ab.c").view()));
  EXPECT_FALSE(equal_ignoring_case(name_of("example.org").view(), name_of("example.com").view()));
  EXPECT_FALSE(equal_ignoring_case(name_of("example.org").view(), name_of("example.or").view()));
}

TEST(Name, IsAtOrBelowHoldsAtLabelBoundariesOnly) {
  const auto holds = [](std::string_view name, std::string_view zone) {
    return is_at_or_below(name_of(name).view(), name_of(zone).view());
  };
  EXPECT_TRUE(holds("www.example.org", "example.ORG"));
  EXPECT_TRUE(holds("example.org", "example.org"));
  EXPECT_TRUE(holds("example.org", "."));
  EXPECT_TRUE(holds(".", "."));
  EXPECT_FALSE(holds("badexample.org", "example.org"));
  EXPECT_FALSE(holds("org", "example.org"));
  EXPECT_FALSE(holds(".", "org"));
  // The last octets are equal, but as the inside of one label.
  EXPECT_FALSE(holds("x\\007example\\003org", "example.org"));
}

TEST(FoldedName, FoldsEveryOctetAtEveryPlaceAsAsciiOnly) {
  for (std::size_t length = 1; length <= 20; ++length) {
    for (std::size_t place = 0; place < length; ++place) {
      for (unsigned octet = 0; octet < 256; ++octet) {
        Bytes wire(1, static_cast<std::uint8_t>(length));
        wire.resize(1 + length, 'Z');
        wire[1 + place] = static_cast<std::uint8_t>(octet);
        wire.push_back(0);
        FoldedName folded;
        folded.assign(NameView(wire));
        const unsigned lower = octet >= 'A' && octet <= 'Z' ? octet + 32 : octet;
        ASSERT_EQ(folded.wire[1 + place], lower) << length << ' ' << place << ' ' << octet;
        ASSERT_EQ(folded.wire[0], length);
        ASSERT_EQ(folded.wire[1 + length], 0);
        ASSERT_EQ(folded.wire[length], place + 1 == length ? lower : unsigned{'z'});
      }
    }
  }
}

TEST(FoldedName, KnowsItsLabels) {
  FoldedName folded;
  folded.assign(name_of("WWW.Example.Org").view());
  EXPECT_EQ(folded.label_count, 3);
  EXPECT_EQ(folded.length, 17);
  EXPECT_EQ(to_text(folded.view()), "www.example.org");
  EXPECT_EQ(to_text(folded.suffix(1)), "example.org");
  EXPECT_EQ(to_text(folded.suffix(2)), "org");
  EXPECT_TRUE(folded.suffix(3).is_root());
  EXPECT_TRUE(folded.suffix(99).is_root());
}

TEST(FoldedName, HoldsTheLongestNameAndTheMostLabels) {
  FoldedName folded;
  folded.assign(name_of(repeated("A.", 127)).view());
  EXPECT_EQ(folded.length, 255);
  EXPECT_EQ(folded.label_count, 127);
  EXPECT_EQ(to_text(folded.suffix(126)), "a");
  folded.assign(Name().view());
  EXPECT_EQ(folded.length, 1);
  EXPECT_EQ(folded.label_count, 0);
  EXPECT_TRUE(folded.view().is_root());
}

}  // namespace
}  // namespace rampart::dns
