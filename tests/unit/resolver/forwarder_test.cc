#include "resolver/forwarder.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/support/forward_world.h"

namespace rampart {
namespace {

using namespace std::chrono_literals;
using namespace test;
using resolver::ForwardOutcome;
using resolver::UpstreamStrategy;

TEST(Forwarder, DeliversTheAnswerOfAnUpstream) {
  FakeUpstream upstream(always_answer(7));
  ForwardWorld world;
  world.use({upstream.spec()});
  Asked& asked = world.ask("www.example.org");
  EXPECT_FALSE(asked.is_done) << "done() came from inside resolve()";
  ASSERT_TRUE(world.run_until_done(asked));
  EXPECT_EQ(asked.outcome, ForwardOutcome::kAnswer);
  EXPECT_EQ(asked.last_octet(), 7);
  EXPECT_EQ(asked.upstream, "tcp+udp:127.0.0.1:" + std::to_string(upstream.port()));
  EXPECT_EQ(world.forwarder.inflight(), 0u);
  EXPECT_EQ(world.counters.answers.value(), 1u);
}

TEST(Forwarder, HandsOverTheQuestionInLowerCase) {
  FakeUpstream upstream(always_answer());
  ForwardWorld world;
  world.use({upstream.spec()});
  Asked& asked = world.ask_and_wait("a-rather-long-name-with-many-letters.example.org");
  ASSERT_TRUE(asked.has_message);
  ASSERT_TRUE(upstream.queries().at(0).has_upper_case) << "one chance in 2^40 to fail by accident";
  const Bytes expected = wire_name("a-rather-long-name-with-many-letters.example.org");
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), asked.message.begin() + 12));
}

TEST(Forwarder, JoinsIdenticalQuestionsInFlight) {
  FakeUpstream upstream([](const FakeQuery& query) { return std::vector{after(50ms, answer_a(query))}; });
  ForwardWorld world;
  world.use({upstream.spec()});
  std::vector<Asked*> all;
  for (int i = 0; i < 100; ++i) all.push_back(&world.ask("same.example.org"));
  Asked& other_type = world.ask("same.example.org", dns::RrType::kTxt);
  Asked& with_do = world.ask("same.example.org", dns::RrType::kA, true);
  const std::uint8_t ecs[] = {0, 1, 24, 0, 192, 0, 2};
  Asked& with_ecs = world.ask("same.example.org", dns::RrType::kA, false, ecs);
  ASSERT_TRUE(world.run_until_all_done());
  for (const Asked* asked : all) {
    EXPECT_EQ(asked->calls, 1);
    EXPECT_EQ(asked->outcome, ForwardOutcome::kAnswer);
  }
  EXPECT_TRUE(other_type.is_done && with_do.is_done && with_ecs.is_done);
  EXPECT_EQ(upstream.count(), 4u);
  EXPECT_EQ(world.counters.joined.value(), 99u);
  // The ECS option went out as given.
  bool found = false;
  for (const FakeQuery& query : upstream.queries())
    found |= query.wire.size() > sizeof(ecs) && std::equal(std::begin(ecs), std::end(ecs), query.wire.end() - sizeof(ecs));
  EXPECT_TRUE(found);
}

TEST(Forwarder, GivesEachQueryAnIdAndOftenAPortOfItsOwn) {
  FakeUpstream upstream(always_answer());
  ForwardWorld world;
  world.use({upstream.spec()});
  constexpr int kQueries = 1000;
  for (int i = 0; i < kQueries; ++i) world.ask("n" + std::to_string(i) + ".example.org");
  ASSERT_TRUE(world.run_until_all_done());
  std::set<std::uint16_t> ids, ports;
  std::size_t high_bits = 0, neighbours = 0;
  std::uint16_t previous = 0;
  for (const FakeQuery& query : upstream.queries()) {
    ids.insert(query.id);
    ports.insert(query.source_port);
    high_bits += query.id >> 15;
    neighbours += static_cast<std::uint16_t>(query.id - previous) <= 16;
    previous = query.id;
  }
  // Of 1000 random IDs about 992 are distinct, half have the top bit (sigma 16), and hardly any follows another.
  EXPECT_GT(ids.size(), 950u);
  EXPECT_NEAR(static_cast<double>(high_bits), kQueries / 2.0, 100);
  EXPECT_LT(neighbours, 20u);
  EXPECT_GT(ports.size(), 32u);
}

TEST(Forwarder, ReplacesSourcePortsAfterUse) {
  FakeUpstream upstream(always_answer());
  resolver::ForwarderOptions options;
  options.socket_uses_max = 2;
  ForwardWorld world(options);
  world.use({upstream.spec()});
  for (int i = 0; i < 40; ++i) ASSERT_EQ(world.ask_and_wait(std::to_string(i) + ".example.org").outcome, ForwardOutcome::kAnswer);
  std::map<std::uint16_t, int> uses;
  for (const FakeQuery& query : upstream.queries()) ++uses[query.source_port];
  EXPECT_GE(uses.size(), 18u);
}

TEST(Forwarder, ClosesItsSocketsWhenIdle) {
  FakeUpstream upstream(always_answer());
  resolver::ForwarderOptions options;
  options.socket_age_max = 100ms;
  ForwardWorld world(options);
  world.use({upstream.spec()});
  for (int i = 0; i < 20; ++i) world.ask(std::to_string(i) + ".example.org");
  ASSERT_TRUE(world.run_until_all_done());
  EXPECT_TRUE(world.run_until([&] { return world.forwarder.open_sockets() == 0; }));
}

TEST(Forwarder, RefusesQuestionsBeyondTheBound) {
  FakeUpstream upstream(never_answer());
  resolver::ForwarderOptions options;
  options.inflight_max = 10;
  ForwardWorld world(options);
  world.use({upstream.spec()});
  for (int i = 0; i < 10; ++i) EXPECT_FALSE(world.ask(std::to_string(i) + ".example.org").is_done);
  Asked& joined = world.ask("3.example.org");
  Asked& refused = world.ask("one-more.example.org");
  EXPECT_FALSE(joined.is_done);
  EXPECT_TRUE(refused.is_done);
  EXPECT_EQ(refused.outcome, ForwardOutcome::kOverload);
  EXPECT_EQ(world.counters.overloaded.value(), 1u);
  ASSERT_TRUE(world.run_until_all_done());
  EXPECT_EQ(joined.outcome, ForwardOutcome::kTimeout);
  EXPECT_FALSE(world.ask("now-there-is-room.example.org").is_done);
}

TEST(Forwarder, IgnoresForgedResponsesAndKeepsWaiting) {
  FakeUpstream upstream([](const FakeQuery& query) {
    FakeReply wrong_id = answer_a(query, 66);
    wrong_id.wire[0] ^= 0x40;
    FakeReply wrong_name = answer_a(query, 66);
    wrong_name.wire[13] ^= 1;
    FakeReply wrong_type = answer_a(query, 66);
    wrong_type.wire[12 + wire_name(query.name).size() + 1] ^= 3;
    FakeReply not_a_response = answer_a(query, 66);
    not_a_response.wire[2] &= 0x7f;
    FakeReply no_question{Bytes(query.wire.begin(), query.wire.begin() + 12)};
    no_question.wire[2] |= 0x80;
    no_question.wire[5] = no_question.wire[11] = 0;
    FakeReply runt{Bytes(query.wire.begin(), query.wire.begin() + 7)};
    return std::vector{wrong_id, wrong_name, wrong_type, not_a_response, no_question, runt,
                       after(30ms, answer_a(query, 1))};
  });
  ForwardWorld world;
  world.use({upstream.spec()});
  Asked& asked = world.ask_and_wait("www.example.org");
  EXPECT_EQ(asked.outcome, ForwardOutcome::kAnswer);
  EXPECT_EQ(asked.last_octet(), 1);
  EXPECT_EQ(upstream.count(), 1u);
  EXPECT_EQ(world.counters.mismatched_id.value(), 2u);
  EXPECT_EQ(world.counters.mismatched_question.value(), 4u);
}

TEST(Forwarder, IgnoresDuplicatesOfAnAnswer) {
  FakeUpstream upstream([](const FakeQuery& query) {
    return std::vector{answer_a(query), answer_a(query), after(20ms, answer_a(query))};
  });
  ForwardWorld world;
  world.use({upstream.spec()});
  Asked& asked = world.ask_and_wait("www.example.org");
  ASSERT_TRUE(world.run_until([&] { return world.counters.mismatched_id.value() == 2; }));
  EXPECT_EQ(asked.calls, 1);
}

TEST(Forwarder, AsksAgainWhenADatagramIsLost) {
  FakeUpstream upstream([](const FakeQuery& query) {
    return query.number == 0 ? std::vector<FakeReply>{} : std::vector{answer_a(query)};
  });
  ForwardWorld world;
  world.use({upstream.spec()});
  Asked& asked = world.ask_and_wait("www.example.org");
  EXPECT_EQ(asked.outcome, ForwardOutcome::kAnswer);
  EXPECT_LT(asked.took, 400ms);
  const auto queries = upstream.queries();
  ASSERT_EQ(queries.size(), 2u);
  EXPECT_EQ(queries[0].wire, queries[1].wire) << "another ID would give a forger a second target";
}

TEST(Forwarder, TurnsLetterCaseOffForAnUpstreamThatLosesIt) {
  FakeUpstream upstream([](const FakeQuery& query) {
    FakeReply reply = answer_a(query);
    const Bytes lower = wire_name(query.name);
    std::copy(lower.begin(), lower.end(), reply.wire.begin() + 12);
    return std::vector{reply};
  });
  ForwardWorld world;
  world.use({upstream.spec()});
  for (int i = 0; i < 6; ++i) {
    Asked& asked = world.ask_and_wait("a-rather-long-name-with-many-letters" + std::to_string(i) + ".example.org");
    EXPECT_EQ(asked.outcome, ForwardOutcome::kAnswer);
  }
  EXPECT_EQ(world.counters.case_folded.value(), 3u);
  EXPECT_EQ(world.counters.case_disabled.value(), 1u);
  const auto queries = upstream.queries();
  ASSERT_EQ(queries.size(), 9u);
  EXPECT_TRUE(queries[1].over_tcp) << "a forger must not get a second try over UDP";
  EXPECT_FALSE(queries.back().has_upper_case);
}

TEST(Forwarder, AsksWithoutEdnsWhereItIsRefusedAndRemembers) {
  for (const bool with_question : {true, false}) {
    FakeUpstream upstream([with_question](const FakeQuery& query) {
      if (!query.has_edns) return std::vector{answer_a(query)};
      FakeReply reply = reply_rcode(query, dns::Rcode::kFormErr);
      if (!with_question) {
        reply.wire.resize(12);
        reply.wire[5] = 0;
      }
      return std::vector{reply};
    });
    ForwardWorld world;
    world.use({upstream.spec()});
    EXPECT_EQ(world.ask_and_wait("one.example.org").outcome, ForwardOutcome::kAnswer);
    EXPECT_EQ(upstream.count(), 2u);
    EXPECT_EQ(world.ask_and_wait("two.example.org").outcome, ForwardOutcome::kAnswer);
    EXPECT_EQ(upstream.count(), 3u) << "it did not remember";
    EXPECT_EQ(world.counters.edns_disabled.value(), 1u);
  }
}

TEST(Forwarder, DeliversTheLastFailureWhenAllFail) {
  FakeUpstream one(always_rcode(dns::Rcode::kServFail));
  FakeUpstream two([](const FakeQuery& query) { return std::vector{after(50ms, reply_rcode(query, dns::Rcode::kRefused))}; });
  ForwardWorld world;
  world.use({one.spec(), two.spec()});
  Asked& asked = world.ask_and_wait("www.example.org");
  EXPECT_EQ(asked.outcome, ForwardOutcome::kServFail);
  ASSERT_TRUE(asked.has_message);
  EXPECT_EQ(dns::MessageView::parse(asked.message)->rcode(), dns::Rcode::kRefused);
  EXPECT_EQ(world.counters.server_failures.value(), 2u);
}

TEST(Forwarder, FailsAtOnceWhereNothingListens) {
  ForwardWorld world;
  const resolver::UpstreamSpec nobody{resolver::UpstreamProtocol::kClassic, "127.0.0.1", unused_port(), {}, {}, {}, {}};
  world.use({nobody}, UpstreamStrategy::kParallelBest, 5s);
  for (int i = 0; i < 5; ++i) {
    Asked& asked = world.ask_and_wait(std::to_string(i) + ".example.org");
    EXPECT_EQ(asked.outcome, ForwardOutcome::kNetworkError);
    EXPECT_FALSE(asked.has_message);
    EXPECT_LT(asked.took, 1s);
  }
  EXPECT_EQ(world.counters.network_errors.value(), 5u);
}

TEST(Forwarder, ADeadUpstreamCostsNoMoreThanItsDeadline) {
  FakeUpstream upstream(never_answer());
  ForwardWorld world;
  world.use({upstream.spec()}, UpstreamStrategy::kParallelBest, 300ms);
  Asked& asked = world.ask_and_wait("www.example.org");
  EXPECT_EQ(asked.outcome, ForwardOutcome::kTimeout);
  EXPECT_GE(asked.took, 300ms);
  EXPECT_LT(asked.took, 600ms);
  EXPECT_EQ(upstream.count(), 3u);
}

TEST(Forwarder, ParallelBestTakesTheFirstThatIsNoError) {
  FakeUpstream failing(always_rcode(dns::Rcode::kServFail));
  FakeUpstream slow([](const FakeQuery& query) { return std::vector{after(100ms, answer_a(query, 2))}; });
  ForwardWorld world;
  world.use({failing.spec(), slow.spec()});
  Asked& asked = world.ask_and_wait("www.example.org");
  EXPECT_EQ(asked.outcome, ForwardOutcome::kAnswer);
  EXPECT_EQ(asked.last_octet(), 2);
  EXPECT_EQ(failing.count(), 1u);
  EXPECT_EQ(slow.count(), 1u);
}

TEST(Forwarder, ParallelBestAsksTwoOfMany) {
  FakeUpstream a(always_rcode(dns::Rcode::kServFail)), b(always_rcode(dns::Rcode::kServFail)), c(always_rcode(dns::Rcode::kServFail));
  ForwardWorld world;
  world.use({a.spec(), b.spec(), c.spec()});
  EXPECT_EQ(world.ask_and_wait("www.example.org").outcome, ForwardOutcome::kServFail);
  EXPECT_EQ(a.count() + b.count() + c.count(), 2u);
}

TEST(Forwarder, RandomAsksOneAndThenOneMore) {
  FakeUpstream a(always_answer()), b(always_answer()), c(always_answer());
  ForwardWorld world;
  world.use({a.spec(), b.spec(), c.spec()}, UpstreamStrategy::kRandom, 5s);
  for (int i = 0; i < 60; ++i) world.ask(std::to_string(i) + ".example.org");
  ASSERT_TRUE(world.run_until_all_done());
  EXPECT_EQ(a.count() + b.count() + c.count(), 60u);
  EXPECT_TRUE(a.count() > 0 && b.count() > 0 && c.count() > 0);
  for (FakeUpstream* upstream : {&a, &b, &c}) upstream->set_script(always_rcode(dns::Rcode::kServFail));
  EXPECT_EQ(world.ask_and_wait("fails.example.org").outcome, ForwardOutcome::kServFail);
  EXPECT_EQ(a.count() + b.count() + c.count(), 62u);
}

TEST(Forwarder, StrictAsksInOrder) {
  FakeUpstream a(always_answer(1)), b(always_answer(2)), c(always_answer(3));
  ForwardWorld world;
  world.use({a.spec(), b.spec(), c.spec()}, UpstreamStrategy::kStrict, 5s);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(world.ask_and_wait(std::to_string(i) + ".example.org").last_octet(), 1);
  EXPECT_EQ(b.count() + c.count(), 0u);
  a.set_script(always_rcode(dns::Rcode::kServFail));
  b.set_script(always_rcode(dns::Rcode::kServFail));
  EXPECT_EQ(world.ask_and_wait("third.example.org").last_octet(), 3);
}

TEST(Forwarder, StrictPassesOverAnUpstreamThatIsDownAndComesBackToIt) {
  FakeUpstream a(never_answer()), b(always_answer(2));
  ForwardWorld world;
  world.use({a.spec(), b.spec()}, UpstreamStrategy::kStrict, 200ms);
  for (int i = 0; i < 3; ++i) {
    Asked& asked = world.ask_and_wait(std::to_string(i) + ".example.org");
    EXPECT_EQ(asked.last_octet(), 2);
    EXPECT_LT(asked.took, 400ms);
    // The second is asked at half time; the first is silent until its deadline only if nobody answers before.
  }
  a.set_script(never_answer());
  b.set_script(never_answer());
  for (int i = 0; i < 3; ++i) EXPECT_EQ(world.ask_and_wait("x" + std::to_string(i) + ".example.org").outcome, ForwardOutcome::kTimeout);
  b.set_script(always_answer(2));
  ASSERT_EQ(world.ask_and_wait("y.example.org").last_octet(), 2);
  // Probes bring both back without any client's query.
  a.set_script(always_answer(1));
  ASSERT_TRUE(world.run_until([&] {
    for (const auto& status : world.forwarder.status(base::monotonic_now()))
      if (status.is_down) return false;
    return true;
  }));
  EXPECT_EQ(world.ask_and_wait("z.example.org").last_octet(), 1);
}

TEST(Forwarder, KeepsTheHealthOfUnchangedUpstreamsOverAReload) {
  FakeUpstream failing(always_rcode(dns::Rcode::kServFail)), good(always_answer());
  ForwardWorld world;
  world.use({failing.spec(), good.spec()});
  world.ask_and_wait("www.example.org");
  ASSERT_TRUE(world.run_until([&] { return world.counters.server_failures.value() + world.counters.mismatched_id.value() > 0; }));
  const auto before = world.forwarder.status(base::monotonic_now());
  world.use({good.spec(), failing.spec()}, UpstreamStrategy::kRandom);
  const auto after = world.forwarder.status(base::monotonic_now());
  ASSERT_EQ(after.size(), 2u);
  EXPECT_EQ(after[1].upstream, before[0].upstream);
  EXPECT_EQ(after[1].weight, before[0].weight);
  EXPECT_EQ(after[0].round_trip, before[1].round_trip);
}

TEST(Forwarder, FinishesQueriesInFlightOnTheOldConfiguration) {
  FakeUpstream old_one([](const FakeQuery& query) { return std::vector{after(100ms, answer_a(query, 1))}; });
  FakeUpstream new_one(always_answer(2));
  ForwardWorld world;
  world.use({old_one.spec()});
  Asked& before = world.ask("www.example.org");
  world.use({new_one.spec()});
  Asked& after_reload = world.ask("www.example.org");
  ASSERT_TRUE(world.run_until_all_done());
  EXPECT_EQ(before.last_octet(), 1);
  EXPECT_EQ(after_reload.last_octet(), 2);
}

TEST(Forwarder, CancelsAllWithEachWaiterCalledOnce) {
  FakeUpstream upstream(never_answer());
  ForwardWorld world;
  world.use({upstream.spec()});
  std::vector<Asked*> all;
  for (int i = 0; i < 20; ++i) all.push_back(&world.ask(std::to_string(i / 2) + ".example.org"));
  world.forwarder.cancel_all();
  for (const Asked* asked : all) EXPECT_EQ(asked->calls, 1);
  EXPECT_EQ(world.forwarder.inflight(), 0u);
}

TEST(Forwarder, FailsWithoutAnyConfiguration) {
  ForwardWorld world;
  Asked& asked = world.ask("www.example.org");
  EXPECT_FALSE(asked.is_done);
  ASSERT_TRUE(world.run_until_done(asked));
  EXPECT_EQ(asked.outcome, ForwardOutcome::kNetworkError);
}

TEST(Forwarder, ProbesEachUpstream) {
  FakeUpstream good(always_answer()), failing(always_rcode(dns::Rcode::kServFail));
  const resolver::UpstreamSpec nobody{resolver::UpstreamProtocol::kClassic, "127.0.0.1", unused_port(), {}, {}, {}, {}};
  ForwardWorld world;
  world.use({good.spec(), failing.spec(), nobody});
  std::vector<resolver::Forwarder::ProbeResult> results;
  world.forwarder.probe([&](auto all) { results = std::move(all); });
  ASSERT_TRUE(world.run_until([&] { return !results.empty(); }));
  ASSERT_EQ(results.size(), 3u);
  EXPECT_TRUE(results[0].ok);
  EXPECT_FALSE(results[1].ok);
  EXPECT_FALSE(results[2].ok);
  EXPECT_EQ(results[2].error, "unreachable");
  EXPECT_EQ(good.queries().at(0).name, "example.com");
}

TEST(Forwarder, SurvivesMalformedAnswers) {
  FakeUpstream bad([](const FakeQuery& query) {
    FakeReply reply = answer_a(query);
    reply.wire.resize(reply.wire.size() - 2);
    return std::vector{reply};
  });
  FakeUpstream good([](const FakeQuery& query) { return std::vector{after(30ms, answer_a(query, 2))}; });
  ForwardWorld world;
  world.use({bad.spec(), good.spec()});
  EXPECT_EQ(world.ask_and_wait("www.example.org").last_octet(), 2);
  EXPECT_EQ(world.counters.malformed.value(), 1u);
}

}  // namespace
}  // namespace rampart
