// What is written is what is read: random responses through ResponseWriter and MessageView, random messages
// through the rewriters, compared with a plain list of records.
#include <gtest/gtest.h>

#include "dns/message_edit.h"
#include "dns/message_view.h"
#include "dns/query_view.h"
#include "dns/response_writer.h"
#include "tests/support/dns_messages.h"
#include "tests/support/seed.h"

namespace rampart::dns {
namespace {

using testing::Bytes;
using testing::MessageBuilder;
using testing::opt_record;
using testing::test_seed;
using testing::u16;

/// A record as the model keeps it: everything expanded.
struct Record {
  Section section;
  Bytes owner;
  unsigned type;
  unsigned rr_class;
  std::uint32_t ttl;
  Bytes rdata;
  bool operator==(const Record&) const = default;
};

std::ostream& operator<<(std::ostream& out, const Record& r) {
  return out << to_fqdn_text(NameView(r.owner)) << " type " << r.type << " ttl " << r.ttl << " rdata "
             << ::testing::PrintToString(r.rdata);
}

Bytes lower(base::ByteView name) {
  FoldedName folded;
  folded.assign(NameView(name));
  return Bytes(folded.wire.begin(), folded.wire.begin() + folded.length);
}

class Random {
 public:
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(engine_() % bound); }
  std::uint8_t octet() { return static_cast<std::uint8_t>(engine_()); }
  Bytes octets(std::size_t count) {
    Bytes bytes(count);
    for (std::uint8_t& b : bytes) b = octet();
    return bytes;
  }
  /// Any octets in labels, long labels now and then, common endings often; at most 255 octets.
  Bytes name() {
    Bytes wire;
    for (std::size_t labels = below(5); labels > 0; --labels) {
      const std::size_t length = below(12) == 0 ? 1 + below(63) : 1 + below(3);
      if (wire.size() + length + 1 > 200) break;
      wire.push_back(static_cast<std::uint8_t>(length));
      for (std::size_t i = 0; i < length; ++i)
        wire.push_back(below(10) ? static_cast<std::uint8_t>((below(2) ? 'a' : 'A') + below(2)) : octet());
    }
    static const Bytes kEndings[] = {Bytes{0}, testing::wire_name("example.org"), testing::wire_name("cdn.Example.ORG")};
    return wire + kEndings[below(3)];
  }
  /// Type and RDATA that fit each other.
  std::pair<unsigned, Bytes> content() {
    switch (below(10)) {
      case 0: return {1, octets(4)};
      case 1: return {28, octets(16)};
      case 2: return {5, name()};
      case 3: return {2, name()};
      case 4: return {15, octets(2) + name()};
      case 5: return {33, octets(6) + name()};
      case 6: return {6, name() + name() + octets(20)};
      case 7: return {46, octets(18) + name() + octets(32)};
      case 8: return {43, octets(36)};
      default: return {65280, octets(below(40))};
    }
  }

 private:
  std::mt19937_64 engine_{test_seed()};
};

/// The records of a message, names expanded, case folded where names may come back in other case.
std::vector<Record> records_of(const MessageView& message) {
  std::vector<Record> records;
  message.for_each_record([&](const RecordView& rr) {
    if (rr.type == RrType::kOpt) return true;
    Bytes rdata(rr.rdata().begin(), rr.rdata().end());
    if (rr.type == RrType::kCname || rr.type == RrType::kNs) rdata = lower(rr.rdata_name().wire());
    records.push_back({rr.section, lower(rr.owner().wire()), static_cast<unsigned>(rr.type),
                       static_cast<unsigned>(rr.rr_class), rr.ttl, rdata});
    return true;
  });
  return records;
}

std::vector<Record> random_records(Random& random, const Bytes& qname) {
  std::vector<Record> records;
  const std::size_t count = random.below(40);
  unsigned section = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (section < 2 && random.below(6) == 0) ++section;
    auto [type, rdata] = random.content();
    records.push_back({static_cast<Section>(section), random.below(3) ? random.name() : qname, type, 1,
                       static_cast<std::uint32_t>(random.below(0x7fffffff)), std::move(rdata)});
  }
  return records;
}

/// The model's form of what records_of() reads.
Record folded(Record r) {
  r.owner = lower(r.owner);
  if (r.type == 5 || r.type == 2) r.rdata = lower(r.rdata);
  return r;
}

TEST(WriteThenParse, IsTheIdentity) {
  Random random;
  std::size_t whole = 0;
  for (int round = 0; round < 4000; ++round) {
    const Bytes qname = random.name();
    auto builder = MessageBuilder().question(qname, 1);
    const bool has_edns = random.below(2) != 0;
    if (has_edns) builder.additional(opt_record(1232));
    const Bytes wire = builder.build();
    const auto query = QueryView::parse(wire);
    ASSERT_TRUE(query);
    const std::size_t limit = random.below(4) ? 65535 : 512 + random.below(800);
    Bytes out(limit);
    ResponseWriter writer(*query, out, limit);
    std::vector<Record> expected;
    bool is_truncated = false;
    for (const Record& r : random_records(random, qname)) {
      const bool fits = writer.add_record(r.section, NameView(r.owner), static_cast<RrType>(r.type), RrClass::kIn, r.ttl,
                                          r.rdata);
      if (fits) expected.push_back(folded(r));
      else if (r.section != Section::kAdditional) is_truncated = true;
    }
    if (is_truncated) expected.clear();
    const std::size_t length = writer.finish();
    ASSERT_LE(length, limit);
    const auto message = MessageView::parse(base::ByteView(out).first(length));
    ASSERT_TRUE(message) << round;
    ASSERT_EQ(message->is_truncated(), is_truncated);
    ASSERT_EQ(message->has_edns(), has_edns);
    const Name read_back = message->qname();
    ASSERT_TRUE(std::equal(read_back.wire().begin(), read_back.wire().end(), qname.begin(), qname.end()));
    ASSERT_EQ(records_of(*message), expected) << round;
    whole += !is_truncated;
  }
  EXPECT_GT(whole, 1000u);
}

TEST(StripDnssecRecords, LeavesExactlyTheOthers) {
  Random random;
  for (int round = 0; round < 4000; ++round) {
    const Bytes qname = random.name();
    const Bytes asked = MessageBuilder().question(qname, 1).additional(opt_record(1232)).build();
    const auto query = QueryView::parse(asked);
    Bytes wire(65535);
    ResponseWriter writer(*query, wire, wire.size());
    std::vector<Record> expected;
    for (const Record& r : random_records(random, qname)) {
      ASSERT_TRUE(writer.add_record(r.section, NameView(r.owner), static_cast<RrType>(r.type), RrClass::kIn, r.ttl, r.rdata));
      if (r.type != 46 && r.type != 43) expected.push_back(folded(r));
    }
    const auto message = MessageView::parse(base::ByteView(wire).first(writer.finish()));
    ASSERT_TRUE(message);
    Bytes out(65535);
    const auto length = strip_dnssec_records(*message, RrType::kA, out);
    ASSERT_TRUE(length);
    const auto rest = MessageView::parse(base::ByteView(out).first(*length));
    ASSERT_TRUE(rest) << round;
    ASSERT_TRUE(rest->has_edns());
    ASSERT_EQ(records_of(*rest), expected) << round;
  }
}

TEST(StripOpt, KeepsAllThatStandsBeforeIt) {
  Random random;
  for (int round = 0; round < 4000; ++round) {
    const Bytes qname = random.name();
    const Bytes asked = MessageBuilder().question(qname, 1).additional(opt_record(1232)).build();
    const auto query = QueryView::parse(asked);
    Bytes wire(65535);
    ResponseWriter writer(*query, wire, wire.size());
    std::vector<Record> expected;
    for (const Record& r : random_records(random, qname)) {
      ASSERT_TRUE(writer.add_record(r.section, NameView(r.owner), static_cast<RrType>(r.type), RrClass::kIn, r.ttl, r.rdata));
      expected.push_back(folded(r));
    }
    const auto message = MessageView::parse(base::ByteView(wire).first(writer.finish()));
    ASSERT_TRUE(message);
    Bytes out(message->wire().size());
    std::uint16_t ttls[64];
    const auto result = strip_opt_and_collect_ttls(*message, out, ttls);
    ASSERT_TRUE(result);
    ASSERT_EQ(result->ttl_count, expected.size());
    // Age every TTL through the offsets alone, and see that nothing else changed.
    for (std::size_t i = 0; i < result->ttl_count; ++i) {
      ASSERT_EQ(base::load_u32(&out[ttls[i]]), expected[i].ttl);
      base::store_u32(&out[ttls[i]], static_cast<std::uint32_t>(i));
      expected[i].ttl = static_cast<std::uint32_t>(i);
    }
    const auto rest = MessageView::parse(base::ByteView(out).first(result->length));
    ASSERT_TRUE(rest) << round;
    ASSERT_FALSE(rest->has_edns());
    ASSERT_EQ(records_of(*rest), expected) << round;
  }
}

}  // namespace
}  // namespace rampart::dns
