#include "storage/log_entry.h"

#include <gtest/gtest.h>

#include <cstring>

#include "storage/entry_batch.h"
#include "tests/support/query_event_builder.h"
#include "tests/support/record_decoder.h"

namespace rampart::storage {
namespace {

using Outcome = LogEntryDecoder::Outcome;
using test_support::QueryEventBuilder;
using test_support::RecordDecoder;

EntryOptions options_with_instance() {
  EntryOptions options;
  options.instance = "node-1";
  return options;
}

/// Decodes and copies out, so that a test can look at it for as long as it likes.
struct Decoded {
  RecordDecoder decoder;
  std::optional<Outcome> outcome;
  explicit Decoded(const QueryEventBuilder& event, EntryOptions options = options_with_instance())
      : decoder(std::move(options)), outcome(decoder.decode(event.record())) {}
  const LogEntry* operator->() const { return &decoder.entry(); }
};

TEST(LogEntry, CarriesBlockysFields) {
  const Decoded entry(QueryEventBuilder("WWW.example.org.").client("192.0.2.7", "laptop\nlaptop.lan").answer_a("192.0.2.1"));
  ASSERT_EQ(entry.outcome, Outcome::kEntry);
  EXPECT_EQ(entry->start_unix_us, 1'700'000'000'123'456);
  EXPECT_EQ(entry->duration_ms, 4u);
  EXPECT_EQ(entry->client_ip, "192.0.2.7");
  EXPECT_EQ(entry->client_names, "laptop\nlaptop.lan");
  EXPECT_EQ(entry->reason, "RESOLVED (tcp+udp:192.0.2.53)");
  EXPECT_EQ(entry->response_type, "RESOLVED");
  EXPECT_EQ(entry->response_code, "NOERROR");
  EXPECT_EQ(entry->question_name, "WWW.example.org.");
  EXPECT_EQ(entry->question_type, "A");
  EXPECT_EQ(entry->answer, "A (192.0.2.1)");
  EXPECT_EQ(entry->instance, "node-1");
}

TEST(LogEntry, RuleTextIsRebuiltFromTheNameAndTheKind) {
  const auto blocked = [](auto&& fill) {
    QueryEventBuilder event("a.Ads.example.org.");
    event.reason(Reason::kBlocked);
    fill(event);
    return std::string(Decoded(event)->reason);
  };
  EXPECT_EQ(blocked([](auto& e) { e.match(MatchKind::kExact, 0, "ads", ""); }), "BLOCKED (ads: a.ads.example.org)");
  EXPECT_EQ(blocked([](auto& e) { e.match(MatchKind::kExact, 1, "ads", ""); }), "BLOCKED (ads: ads.example.org)");
  EXPECT_EQ(blocked([](auto& e) { e.match(MatchKind::kWildcard, 2, "ads", ""); }), "BLOCKED (ads: *.example.org)");
  EXPECT_EQ(blocked([](auto& e) {
              e.match(MatchKind::kWildcard, 2, "ads", "", "$dnstype=A");
              e.match(MatchKind::kRegex, 0, "tv", "^ad", "$dnstype=~A");
            }),
            "BLOCKED (ads: *.example.org$dnstype=A, tv: /^ad/$dnstype=~A)");
  EXPECT_EQ(blocked([](auto& e) { e.match(MatchKind::kRegex, 0, "ads", "^ad[s]?\\."); }), "BLOCKED (ads: /^ad[s]?\\./)");
  EXPECT_EQ(blocked([](auto& e) { e.match(MatchKind::kExact, 0, "ads", "").match(MatchKind::kWildcard, 3, "tv", ""); }),
            "BLOCKED (ads: a.ads.example.org, tv: *.org)");
  EXPECT_EQ(blocked([](auto& e) { e.match(MatchKind::kExact, 0, "ads", "x.org").match(MatchKind::kExact, 0, "ads", "y.org"); }),
            "BLOCKED (ads: x.org, y.org)");
  EXPECT_EQ(blocked([](auto& e) { e.reason(Reason::kBlockedIp).match(MatchKind::kAddress, 0, "ads", "192.0.2.9"); }),
            "BLOCKED IP (ads: 192.0.2.9)");
  EXPECT_EQ(blocked([](auto& e) { e.reason(Reason::kBlockedAllowlistOnly); }), "BLOCKED (ALLOWLIST ONLY)");
}

TEST(LogEntry, MatchesThatEndEarlyGiveNoGarbage) {
  QueryEventBuilder event("example.org.");
  event.reason(Reason::kBlocked).match(MatchKind::kExact, 0, "ads", "");
  std::vector<std::uint8_t> record = event.record();
  QueryEventHead head;
  std::memcpy(static_cast<void*>(&head), record.data(), sizeof head);
  head.match_count = 9;
  std::memcpy(record.data(), &head, sizeof head);
  RecordDecoder decoder(options_with_instance());
  ASSERT_EQ(decoder.decode(record), Outcome::kEntry);
  EXPECT_EQ(decoder.entry().reason, "BLOCKED (ads: example.org)");
}

TEST(LogEntry, FieldsThatAreNotSelectedGetBlockysPlaceholders) {
  EntryOptions options = options_with_instance();
  options.fields = {false, false, false, false, false, false};
  const Decoded entry(QueryEventBuilder("example.org.").answer_a("192.0.2.1"), options);
  EXPECT_EQ(entry->client_ip, "0.0.0.0");
  EXPECT_EQ(entry->client_names, "none");
  EXPECT_EQ(entry->duration_ms, 0u);
  for (const auto text : {entry->reason, entry->response_type, entry->response_code, entry->answer,
                          entry->question_name, entry->question_type})
    EXPECT_EQ(text, "");
  EXPECT_EQ(entry->instance, "node-1");
}

TEST(LogEntry, PrivacyMasksNameAndAnswerButNotReasonAndClient) {
  EntryOptions options = options_with_instance();
  options.privacy = true;
  const Decoded entry(QueryEventBuilder("a-1.example.org.").answer_a("192.0.2.1"), options);
  EXPECT_EQ(entry->question_name, "*-*.*******.***.");
  EXPECT_EQ(entry->answer, "* (***.*.*.*)");
  EXPECT_EQ(entry->reason, "RESOLVED (tcp+udp:192.0.2.53)");
  EXPECT_EQ(entry->client_names, "laptop");
}

TEST(LogEntry, IgnoreRulesSkipExactlyTheirNames) {
  EntryOptions options = options_with_instance();
  options.ignore_domains = {"Exact.example", "*.below.example", "/^ad[0-9]+\\./", "/(/", "//"};
  RecordDecoder decoder(options);
  const auto outcome = [&](std::string_view name) { return decoder.decode(QueryEventBuilder(name).record()); };
  EXPECT_EQ(outcome("exact.EXAMPLE."), Outcome::kIgnored);
  EXPECT_EQ(outcome("sub.exact.example."), Outcome::kEntry);
  EXPECT_EQ(outcome("below.example."), Outcome::kIgnored);
  EXPECT_EQ(outcome("a.b.below.example."), Outcome::kIgnored);
  EXPECT_EQ(outcome("notbelow.example."), Outcome::kEntry);
  EXPECT_EQ(outcome("ad7.example."), Outcome::kIgnored);
  EXPECT_EQ(outcome("bad7.example."), Outcome::kEntry);
}

TEST(LogEntry, SpecialUseNamesAreIgnoredOnlyOnRequest) {
  QueryEventBuilder event("1.168.192.in-addr.arpa.");
  event.reason(Reason::kSpecialUse);
  EXPECT_EQ(Decoded(event).outcome, Outcome::kEntry);
  EntryOptions options = options_with_instance();
  options.ignore_sudn = true;
  EXPECT_EQ(Decoded(event, options).outcome, Outcome::kIgnored);
}

TEST(LogEntry, HostileTextBecomesHarmlessUtf8) {
  const Decoded entry(QueryEventBuilder("a\\000\\010\\255.example.org.")
                          .client("192.0.2.7", std::string("k\xc3\xbc\xc3\x28\x1b[2J\x00z\xed\xa0\x80", 14)));
  EXPECT_EQ(entry->client_names, "k\xc3\xbc?(?[2J?z???");
  for (const char c : entry->question_name) EXPECT_TRUE(c >= 0x20 && c < 0x7f);
}

TEST(LogEntry, DamagedRecordsAreToldApart) {
  RecordDecoder decoder(options_with_instance());
  std::vector<std::uint8_t> record = QueryEventBuilder("example.org.").answer_a("192.0.2.1").record();
  for (std::size_t length = 0; length < record.size(); ++length)
    EXPECT_EQ(decoder.decode(base::ByteView(record).first(length)), std::nullopt) << length;
  QueryEventHead head;
  std::memcpy(static_cast<void*>(&head), record.data(), sizeof(head));
  head.reason = static_cast<Reason>(kReasonCount);
  std::memcpy(record.data(), &head, sizeof(head));
  EXPECT_EQ(decoder.decode(record), std::nullopt);
}

TEST(LogEntry, UnreadableMessagesLeaveTheRestOfTheEntry) {
  const Decoded entry(QueryEventBuilder("example.org.").question_bytes({3, 'a'}).response({1, 2, 3}).reason(Reason::kMalformed));
  ASSERT_EQ(entry.outcome, Outcome::kEntry);
  EXPECT_EQ(entry->question_name, "");
  EXPECT_EQ(entry->answer, "");
  EXPECT_EQ(entry->response_type, "ERROR");
}

TEST(EntryBatch, GivesBackWhatWasAppended) {
  EntryBatch batch;
  RecordDecoder decoder(options_with_instance());
  for (const char* name : {"a.example.", "b.example.", "c.example."}) {
    ASSERT_EQ(decoder.decode(QueryEventBuilder(name).answer_a("192.0.2.1").record()), Outcome::kEntry);
    batch.append(decoder.entry());
  }
  batch.assign_id();
  const auto copy = EntryBatch::from_bytes(batch.id(), batch.count(), batch.bytes());
  ASSERT_TRUE(copy.has_value());
  std::string names;
  copy->for_each([&](const LogEntry& entry) {
    names += entry.question_name;
    EXPECT_EQ(entry.answer, "A (192.0.2.1)");
    EXPECT_EQ(entry.duration_ms, 4u);
    return true;
  });
  EXPECT_EQ(names, "a.example.b.example.c.example.");
}

TEST(EntryBatch, RefusesBytesThatDoNotAddUp) {
  EntryBatch batch;
  RecordDecoder decoder(options_with_instance());
  ASSERT_EQ(decoder.decode(QueryEventBuilder("a.example.").record()), Outcome::kEntry);
  batch.append(decoder.entry());
  for (std::size_t length = 0; length < batch.bytes().size(); ++length)
    EXPECT_FALSE(EntryBatch::from_bytes({}, 1, batch.bytes().substr(0, length)).has_value()) << length;
  EXPECT_FALSE(EntryBatch::from_bytes({}, 1, batch.bytes() + "x").has_value());
  EXPECT_FALSE(EntryBatch::from_bytes({}, 2, batch.bytes()).has_value());
}

}  // namespace
}  // namespace rampart::storage
