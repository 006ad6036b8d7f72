// Answers of other instances at the door: what is refused and why, how long the rest lives, and that it is as clean as an
// upstream's.
#include "resolver/cache_intake.h"

#include <gtest/gtest.h>
#include <re2/re2.h>

#include "tests/support/dns_messages.h"
#include "tests/support/pipeline_world.h"

namespace rampart::resolver {
namespace {

using dns::RrType;
using storage::Reason;
using storage::TakeOver;
using test::PipelineWorld;
using testing::Bytes;
using testing::MessageBuilder;
using testing::record;

const Bytes kAddress = {192, 0, 2, 1};

MessageBuilder response(std::uint16_t flags = 0x8180) {
  return MessageBuilder().flags(flags).question("www.example.org", RrType::kA);
}
Bytes good(std::uint32_t ttl = 300) { return response().answer(record("www.example.org", RrType::kA, ttl, kAddress)).build(); }

Bytes soa(std::uint32_t ttl, std::uint32_t minimum) {
  return record("example.org", RrType::kSoa, ttl,
                testing::wire_name("ns.example.org") + testing::wire_name("host.example.org") + testing::u32(1) +
                    testing::u32(1) + testing::u32(1) + testing::u32(1) + testing::u32(minimum));
}

struct Intake : PipelineWorld {
  using PipelineWorld::PipelineWorld;
  CacheIntake intake{cache()};

  TakeOver take(const Bytes& message, std::uint32_t ttl = 300) {
    return intake.take_over({*dns::Name::parse("www.example.org"), RrType::kA}, message, ttl, policy(), now());
  }
  bool is_cached() { return ask("www.example.org").disposition != Disposition::kForward; }
};

TEST(CacheIntake, AGoodAnswerIsGivenToClients) {
  Intake world;
  EXPECT_EQ(world.take(good()), TakeOver::kStored);
  EXPECT_EQ(world.ask("WWW.example.org").records, std::vector<std::string>{"A 192.0.2.1 ttl=300"});
}

TEST(CacheIntake, WhatIsNoWholeResponseToTheQuestionIsRefused) {
  Intake world;
  const Bytes whole = good();
  for (std::size_t length = 0; length < whole.size(); ++length)
    EXPECT_NE(world.take(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length))), TakeOver::kStored) << length;
  EXPECT_EQ(world.take(Bytes{1, 2, 3}), TakeOver::kMalformed);
  EXPECT_EQ(world.take(Bytes(dns::kMessageBytesMax + 1)), TakeOver::kMalformed);
  EXPECT_EQ(world.take(response(0x0180).answer(record("www.example.org", RrType::kA, 300, kAddress)).build()), TakeOver::kMalformed)
      << "a query";
  EXPECT_EQ(world.take(response(0xa180).build()), TakeOver::kMalformed) << "another opcode";
  EXPECT_EQ(world.take(MessageBuilder().flags(0x8180).build()), TakeOver::kWrongQuestion);
  EXPECT_EQ(world.take(MessageBuilder().flags(0x8180).question("evil.example.org", RrType::kA).build()), TakeOver::kWrongQuestion);
  EXPECT_EQ(world.take(MessageBuilder().flags(0x8180).question("www.example.org", RrType::kAaaa).build()), TakeOver::kWrongQuestion);
  EXPECT_EQ(world.take(MessageBuilder().flags(0x8180).question("www.example.org", RrType::kA, 3).build()), TakeOver::kWrongQuestion);
  EXPECT_FALSE(world.is_cached());
}

TEST(CacheIntake, ErrorsTruncationAndNoLifetimeAreUnusable) {
  Intake world;
  const Bytes rr = record("www.example.org", RrType::kA, 300, kAddress);
  EXPECT_EQ(world.take(response(0x8182).answer(rr).build()), TakeOver::kUnusable) << "SERVFAIL";
  EXPECT_EQ(world.take(response(0x8380).answer(rr).build()), TakeOver::kUnusable) << "TC";
  EXPECT_EQ(world.take(good(), 0), TakeOver::kUnusable);
  EXPECT_EQ(world.take(good(0)), TakeOver::kUnusable);
  EXPECT_EQ(world.take(response().answer(rr).additional(testing::opt_record(1232, 0x01000000)).build()), TakeOver::kUnusable)
      << "BADVERS, whose lower bits look like success";
  world.policy().cache.exclude.push_back(std::make_shared<re2::RE2>("^www"));
  EXPECT_EQ(world.take(good()), TakeOver::kUnusable);
  world.policy().cache.exclude.clear();
  world.policy().cache.enabled = false;
  EXPECT_EQ(world.take(good()), TakeOver::kUnusable);
}

TEST(CacheIntake, WhatTheCacheHasNoRoomForIsRefused) {
  CacheOptions small;
  small.memory_bytes = std::size_t{128} << 10;
  small.shards = 4;
  Intake world({}, small);
  MessageBuilder large = response();
  for (int i = 0; i < 220; ++i) large.answer(record("www.example.org", static_cast<RrType>(16), 300, Bytes(250)));
  EXPECT_EQ(world.take(large.build()), TakeOver::kRefused);
}

TEST(CacheIntake, TimeThatHasPassedElsewhereIsTakenOff) {
  Intake world;
  EXPECT_EQ(world.take(good(300), 100), TakeOver::kStored);
  EXPECT_EQ(world.ask("www.example.org").records, std::vector<std::string>{"A 192.0.2.1 ttl=100"});
  world.pass(std::chrono::seconds(101));
  EXPECT_FALSE(world.is_cached());
}

TEST(CacheIntake, RedisCannotMakeAnAnswerLiveLongerThanItsRecords) {
  Intake world;
  EXPECT_EQ(world.take(good(50), 4'000'000'000u), TakeOver::kStored);
  world.pass(std::chrono::seconds(51));
  EXPECT_FALSE(world.is_cached());
}

TEST(CacheIntake, OurOwnBoundsOfLifetimesHold) {
  Intake world;
  world.policy().cache.max_ttl = 60;
  EXPECT_EQ(world.take(good(86400), 86000), TakeOver::kStored);
  EXPECT_EQ(world.ask("www.example.org").records, std::vector<std::string>{"A 192.0.2.1 ttl=60"});
  world.pass(std::chrono::seconds(61));
  EXPECT_FALSE(world.is_cached());

  Intake patient;
  patient.policy().cache.min_ttl = 120;
  EXPECT_EQ(patient.take(good(30), 10), TakeOver::kStored);
  EXPECT_EQ(patient.ask("www.example.org").records, std::vector<std::string>{"A 192.0.2.1 ttl=120"});
  patient.pass(std::chrono::seconds(119));
  EXPECT_TRUE(patient.is_cached());
}

TEST(CacheIntake, ANegativeAnswerLivesNoLongerThanRedisSays) {
  Intake world;
  EXPECT_EQ(world.take(response(0x8183).authority(soa(900, 900)).build(), 40), TakeOver::kStored);
  EXPECT_TRUE(world.is_cached());
  world.pass(std::chrono::seconds(41));
  EXPECT_FALSE(world.is_cached());
  EXPECT_EQ(world.take(response(0x8183).build(), 40), TakeOver::kStored) << "without SOA, as from Blocky";
  world.pass(std::chrono::seconds(41));
  EXPECT_FALSE(world.is_cached());
}

TEST(CacheIntake, AnswersAreForTheDefaultGroupWhateverItsNumber) {
  Intake world;
  world.policy().clients.cache_groups = {7, 0};
  EXPECT_EQ(world.take(good()), TakeOver::kStored);
  EXPECT_TRUE(world.is_cached());
  world.policy().clients.cache_groups = {8, 7};
  world.republish({});
  EXPECT_FALSE(world.is_cached());
}

TEST(CacheIntake, AnAnswerThatLeadsToABlockedNameIsBlocked) {
  Intake world({{"ads", blocklists::Action::kDeny, "tracker.example.net\n"}});
  const Bytes alias = response()
                          .answer(record("www.example.org", RrType::kCname, 300, testing::wire_name("tracker.example.net")))
                          .answer(record("tracker.example.net", RrType::kA, 300, kAddress))
                          .build();
  EXPECT_EQ(world.take(alias), TakeOver::kStored);
  EXPECT_EQ(world.ask("www.example.org").reason, Reason::kBlockedCname);
}

}  // namespace
}  // namespace rampart::resolver
