// Blocky's octets: what we write is what Blocky writes, and whatever else comes is refused without harm.
#include "storage/redis_messages.h"

#include <gtest/gtest.h>

namespace rampart::storage {
namespace {

using namespace std::string_literals;

TEST(RedisMessages, CacheKeyIsTypeAndLowerCaseNameWithoutLastDot) {
  EXPECT_EQ(cache_key_text(dns::Name::parse("Google.de.")->view(), dns::RrType::kA), "\x00\x01google.de"s);
  EXPECT_EQ(cache_key_text(dns::Name::parse("a.example")->view(), static_cast<dns::RrType>(65)), "\x00\x41" "a.example"s);
  EXPECT_EQ(cache_key_text(dns::Name().view(), dns::RrType::kA), "\x00\x01"s);
}

TEST(RedisMessages, CacheMessageHasTheOctetsOfBlocky) {
  std::string text;
  const std::vector<std::uint8_t> message = {1, 2, 3, 4};
  append_cache_entry(text, "\x00\x01google.de"s, message);
  finish_cache_message(text, "b0f2a2ae-6a3e-4a66-8f20-0a4c1d8e9b11");
  EXPECT_EQ(text, R"({"e":[{"k":"\u0000\u0001google.de","d":"AQIDBA=="}],"c":"b0f2a2ae-6a3e-4a66-8f20-0a4c1d8e9b11"})");
  const auto parsed = parse_cache_message(text);
  ASSERT_TRUE(parsed);
  ASSERT_EQ(parsed->entries.size(), 1u);
  EXPECT_EQ(parsed->entries[0].message, message);
  const auto key = parse_cache_key(parsed->entries[0].key);
  ASSERT_TRUE(key);
  EXPECT_EQ(key->type, dns::RrType::kA);
  EXPECT_EQ(dns::to_text(key->name.view()), "google.de");
}

TEST(RedisMessages, ABadEntryIsLeftOutAndTheRestIsKept) {
  const auto parsed = parse_cache_message(R"({"e":[{"k":"x","d":"?"},{"d":"AQ=="},{"z":1},{"k":"\u0000\u0001a","d":"AQ=="}],"c":"u"})");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->entries.size(), 1u);
  EXPECT_EQ(parsed->bad_entries, 3u);
}

TEST(RedisMessages, NonsenseIsRefused) {
  for (const auto& text : {""s, "{"s, "[]"s, R"({"e":[]})"s, std::string(100'000, '['), "\xff"s}) EXPECT_FALSE(parse_cache_message(text));
  for (const auto& text : {""s, "{}"s, R"({"c":"u"})"s, R"({"s":{"enabled":"yes"},"c":"u"})"s}) EXPECT_FALSE(parse_blocking_message(text));
}

TEST(RedisMessages, BlockingMessageHasTheOctetsOfBlocky) {
  EXPECT_EQ(to_json({true, {}, {}, "u"}), R"({"s":{"enabled":true},"c":"u"})");
  const std::string text = to_json({false, std::chrono::seconds(5), {"ads"}, "u"});
  EXPECT_EQ(text, R"({"s":{"enabled":false,"duration":5000000000,"groups":["ads"]},"c":"u"})");
  // As Go's encoding/json writes it.
  EXPECT_EQ(to_json({false, {}, {"a<b>&\"\\\t\n\r\x01"}, "u"}),
            R"({"s":{"enabled":false,"groups":["a\u003cb\u003e\u0026\"\\\t\n\r\u0001"]},"c":"u"})");
  const auto parsed = parse_blocking_message(text);
  ASSERT_TRUE(parsed);
  EXPECT_FALSE(parsed->enabled);
  EXPECT_EQ(parsed->duration, std::chrono::seconds(5));
  EXPECT_EQ(parsed->groups, std::vector<std::string>{"ads"});
}

TEST(ChangeStamp, SurvivesTheUuidAndOrdersByTimeThenInstance) {
  ChangeStamp a = ChangeStamp::random_instance(), b = ChangeStamp::random_instance();
  a.unix_ms = b.unix_ms = 1'700'000'000'000;
  EXPECT_EQ(ChangeStamp::parse(a.to_uuid()), a);
  EXPECT_NE(a < b, b < a);
  b.unix_ms += 1;
  EXPECT_LT(a, b);
  EXPECT_FALSE(ChangeStamp::parse("b0f2a2ae-6a3e-4a66-8f20-0a4c1d8e9b11"));  // Blocky's: version 4
}

}  // namespace
}  // namespace rampart::storage
