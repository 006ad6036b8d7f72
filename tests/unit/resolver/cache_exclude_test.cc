// Names that are excluded from caching: what an earlier policy stored about them is not served either.
#include <gtest/gtest.h>
#include <re2/re2.h>

#include "tests/support/pipeline_world.h"

namespace rampart {
namespace {

using dns::RrType;
using resolver::Disposition;
using storage::Reason;
using test::make_query;

test::Bytes answer_a(const test::Bytes& query) {
  return test::make_response(query, dns::Rcode::kNoError, {{"", RrType::kA, 60, test::a_rdata(192, 0, 2, 1)}});
}

class CacheExclude : public ::testing::Test {
 protected:
  static resolver::CacheOptions options() {
    resolver::CacheOptions options;
    options.stale_max = std::chrono::hours(1);
    return options;
  }
  void exclude(const char* pattern) {
    world.policy().cache.exclude = {std::make_shared<const re2::RE2>(pattern)};
    world.republish({});
  }

  test::PipelineWorld world{{}, options()};
  const test::Bytes query = make_query("www.example.org", RrType::kA);
  const test::Bytes other = make_query("other.example.net", RrType::kA);
};

TEST_F(CacheExclude, HoldsForAnswersFromBeforeItAndForNoOthers) {
  static_cast<void>(world.resolve(query, answer_a(query)));
  static_cast<void>(world.resolve(other, answer_a(other)));
  exclude("example\\.org$");
  const auto misses = world.counters().cache_misses.value();
  const auto hits = world.counters().cache_hits.value();
  EXPECT_EQ(world.ask_wire(query).disposition, Disposition::kForward);
  EXPECT_EQ(world.counters().cache_misses.value(), misses + 1);
  EXPECT_EQ(world.counters().cache_hits.value(), hits);
  EXPECT_EQ(world.ask_wire(other).reason, Reason::kCached);
}

TEST_F(CacheExclude, HoldsForStaleAnswersToo) {
  world.policy().cache.serve_stale = true;
  static_cast<void>(world.resolve(query, answer_a(query)));
  world.pass(std::chrono::seconds(61));
  EXPECT_EQ(world.fail_upstream(query, resolver::ForwardOutcome::kTimeout).reason, Reason::kCachedStale);
  exclude("example\\.org$");
  EXPECT_EQ(world.fail_upstream(query, resolver::ForwardOutcome::kTimeout).reason, Reason::kUpstreamFailed);
}

TEST_F(CacheExclude, HoldsForAnswersTooLongForTheTransport) {
  const std::vector<test::AnswerRecord> many(300, {"", RrType::kA, 60, test::a_rdata(192, 0, 2, 1)});
  const auto response = test::make_response(query, dns::Rcode::kNoError, many);
  static_cast<void>(world.resolve(query, response));
  EXPECT_EQ(world.ask_wire(query).disposition, Disposition::kRespond);
  exclude("example\\.org$");
  EXPECT_EQ(world.ask_wire(query).disposition, Disposition::kForward);
}

TEST_F(CacheExclude, EndsWithTheExclusion) {
  exclude("example\\.org$");
  static_cast<void>(world.resolve(query, answer_a(query)));
  EXPECT_EQ(world.ask_wire(query).disposition, Disposition::kForward);
  world.policy().cache.exclude.clear();
  world.republish({});
  static_cast<void>(world.resolve(query, answer_a(query)));
  EXPECT_EQ(world.ask_wire(query).reason, Reason::kCached);
}

}  // namespace
}  // namespace rampart
