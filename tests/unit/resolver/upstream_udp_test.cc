// The sockets towards upstreams, with a forwarder over them.
#include "resolver/upstream_udp.h"

#include <gtest/gtest.h>

#include "tests/support/forward_world.h"

namespace rampart {
namespace {

using namespace std::chrono_literals;
using namespace test;
using resolver::UpstreamStrategy;

/// More than the batches of one round hold: the kernel does not speak of them again.
TEST(UpstreamUdp, FindsAnAnswerBehindAFloodOfForgedOnes) {
  constexpr int kForged = 200;
  FakeUpstream upstream([](const FakeQuery& query) {
    std::vector<FakeReply> replies(kForged, answer_a(query, 66));
    for (FakeReply& forged : replies) forged.wire[0] ^= 0x40;
    replies.push_back(answer_a(query, 1));
    return replies;
  });
  ForwardWorld world;
  world.use({upstream.spec()}, UpstreamStrategy::kStrict, 5s);
  Asked& asked = world.ask("www.example.org");
  ASSERT_TRUE(upstream.wait_for_replies(1)) << "all replies are on their way before the first is read";
  ASSERT_TRUE(world.run_until_done(asked));
  EXPECT_EQ(asked.last_octet(), 1);
  EXPECT_EQ(world.counters.mismatched_id.value(), std::uint64_t{kForged});
  EXPECT_EQ(upstream.count(), 1u) << "it was not asked again";
}

}  // namespace
}  // namespace rampart
