// TCP towards upstreams, seen through the forwarder.
#include "resolver/upstream_stream.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/support/forward_world.h"

namespace rampart {
namespace {

using namespace std::chrono_literals;
using namespace test;
using resolver::ForwardOutcome;

/// Truncates everything over UDP; over TCP does as `tcp` says.
FakeScript truncating(FakeScript tcp) {
  return [tcp](const FakeQuery& query) { return query.over_tcp ? tcp(query) : std::vector{truncated(query)}; };
}

TEST(UpstreamStream, AsksAgainOverTcpWhatWasTruncated) {
  FakeUpstream upstream(truncating(always_answer(9)));
  ForwardWorld world;
  world.use({upstream.spec()});
  Asked& asked = world.ask_and_wait("www.example.org");
  EXPECT_EQ(asked.outcome, ForwardOutcome::kAnswer);
  EXPECT_EQ(asked.last_octet(), 9);
  const auto queries = upstream.queries();
  ASSERT_EQ(queries.size(), 2u);
  EXPECT_NE(queries[0].id, queries[1].id);
  EXPECT_EQ(world.counters.truncated.value(), 1u);
}

TEST(UpstreamStream, DeliversAnAnswerOf64KiB) {
  FakeUpstream upstream(truncating([](const FakeQuery& query) {
    std::vector<AnswerRecord> records(240, {"", dns::RrType::kTxt, 60, Bytes(250, 'x')});
    for (AnswerRecord& record : records) record.rdata[0] = 249;
    return std::vector{FakeReply{make_response(query.wire, dns::Rcode::kNoError, records)}};
  }));
  ForwardWorld world;
  world.use({upstream.spec()});
  Asked& asked = world.ask_and_wait("www.example.org", dns::RrType::kTxt);
  EXPECT_EQ(asked.outcome, ForwardOutcome::kAnswer);
  EXPECT_GT(asked.message.size(), 60000u);
}

TEST(UpstreamStream, PipelinesOnOneConnectionAndTakesAnswersInAnyOrder) {
  FakeUpstream upstream(truncating([](const FakeQuery& query) {
    const auto n = static_cast<std::uint8_t>(std::stoi(query.name));
    return std::vector{after(std::chrono::milliseconds(100 - n), answer_a(query, n))};
  }));
  ForwardWorld world;
  world.use({upstream.spec()});
  std::vector<Asked*> all;
  for (int i = 1; i <= 50; ++i) all.push_back(&world.ask(std::to_string(i) + ".example.org"));
  ASSERT_TRUE(world.run_until_all_done());
  for (int i = 1; i <= 50; ++i) EXPECT_EQ(all[static_cast<std::size_t>(i) - 1]->last_octet(), i);
  EXPECT_EQ(upstream.tcp_connections(), 1u);
}

TEST(UpstreamStream, DeliversTheTruncatedAnswerIfTcpFails) {
  FakeUpstream upstream(truncating([](const FakeQuery& query) {
    FakeReply reply = answer_a(query);
    reply.close_after = true;
    reply.frame_bytes_max = 20;  // half an answer
    return std::vector{reply};
  }));
  ForwardWorld world;
  world.use({upstream.spec()});
  Asked& asked = world.ask_and_wait("www.example.org");
  EXPECT_EQ(asked.outcome, ForwardOutcome::kAnswer);
  ASSERT_TRUE(asked.has_message);
  const auto message = dns::MessageView::parse(asked.message);
  ASSERT_TRUE(message);
  EXPECT_TRUE(message->is_truncated());
  EXPECT_EQ(message->answer_count(), 0);
  EXPECT_EQ(upstream.count(), 3u) << "one over UDP, one on each of two connections";
  for (const auto& status : world.forwarder.status(base::monotonic_now())) EXPECT_EQ(status.weight, 60u);
}

TEST(UpstreamStream, OpensAnotherConnectionWhereTheUpstreamClosedTheFirst) {
  FakeUpstream upstream(truncating([](const FakeQuery& query) {
    FakeReply reply = answer_a(query);
    reply.close_after = true;
    return std::vector{reply};
  }));
  ForwardWorld world;
  world.use({upstream.spec()});
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(world.ask_and_wait(std::to_string(i) + ".example.org").last_octet(), 1);
  }
  EXPECT_EQ(upstream.tcp_connections(), 5u);
}

TEST(UpstreamStream, ClosesAnIdleConnection) {
  FakeUpstream upstream(truncating(always_answer()));
  resolver::ForwarderOptions options;
  options.stream_idle = 50ms;
  ForwardWorld world(options);
  world.use({upstream.spec()});
  world.ask_and_wait("one.example.org");
  ASSERT_TRUE(world.run_until([&] { return world.forwarder.open_streams() == 0; }));
  EXPECT_EQ(world.ask_and_wait("two.example.org").last_octet(), 1);
  EXPECT_EQ(upstream.tcp_connections(), 2u);
}

TEST(UpstreamStream, GivesUpAConnectionThatWentSilent) {
  FakeUpstream upstream(truncating([](const FakeQuery& query) {
    return query.name.starts_with("silent") ? std::vector<FakeReply>{} : std::vector{answer_a(query)};
  }));
  ForwardWorld world;
  world.use({upstream.spec()}, resolver::UpstreamStrategy::kParallelBest, 200ms);
  world.ask_and_wait("one.example.org");
  Asked& silent = world.ask_and_wait("silent.example.org");
  EXPECT_EQ(silent.outcome, ForwardOutcome::kAnswer) << "truncated, over UDP";
  EXPECT_EQ(silent.last_octet(), 0);
  EXPECT_EQ(world.ask_and_wait("two.example.org").last_octet(), 1);
  EXPECT_EQ(upstream.tcp_connections(), 2u);
}

TEST(UpstreamStream, IgnoresFramesThatAnswerNothing) {
  FakeUpstream upstream(truncating([](const FakeQuery& query) {
    FakeReply wrong_id = answer_a(query, 66);
    wrong_id.wire[1] ^= 1;
    FakeReply other_name = answer_a(query, 66);
    other_name.wire[13] ^= 1;
    return std::vector{FakeReply{Bytes{}}, FakeReply{Bytes(5, 0)}, wrong_id, other_name, answer_a(query, 1)};
  }));
  ForwardWorld world;
  world.use({upstream.spec()});
  EXPECT_EQ(world.ask_and_wait("www.example.org").last_octet(), 1);
  EXPECT_EQ(world.counters.mismatched_id.value(), 3u);
  EXPECT_EQ(world.counters.mismatched_question.value(), 1u);
}

}  // namespace
}  // namespace rampart
