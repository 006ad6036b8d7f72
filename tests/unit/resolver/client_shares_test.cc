#include "resolver/client_shares.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "base/snapshot.h"
#include "resolver/worker.h"
#include "tests/support/fake_upstream.h"
#include "tests/support/pipeline_world.h"

namespace rampart {
namespace {

using namespace test;
using resolver::ClientShares;

const auto kHog = *base::IpAddress::parse("192.0.2.1");
const auto kOther = *base::IpAddress::parse("192.0.2.2");

TEST(ClientShares, AClientMayHoldAsManyAsAreLeft) {
  ClientShares shares;
  const auto hog = shares.places_of(kHog);
  constexpr std::size_t kSlots = 1000;
  std::size_t held = 0;
  for (; shares.may_take(hog, kSlots - held); ++held) shares.enter(hog);
  EXPECT_EQ(held, kSlots / 2);
  EXPECT_TRUE(shares.may_take(shares.places_of(kOther), kSlots - held));
  shares.leave(hog);
  EXPECT_TRUE(shares.may_take(hog, kSlots - held + 1));
}

TEST(ClientShares, AFewAreNobodysExcess) {
  ClientShares shares;
  const auto client = shares.places_of(kOther);
  for (std::uint32_t held = 0; held < ClientShares::kAlways; ++held) {
    EXPECT_TRUE(shares.may_take(client, 0));
    shares.enter(client);
  }
  EXPECT_FALSE(shares.may_take(client, 0));
}

TEST(ClientShares, AnIpv6NetworkIsOneClientAndAnIpv4AddressIsOne) {
  ClientShares shares;
  shares.enter(shares.places_of(*base::IpAddress::parse("2001:db8:0:1::1")));
  EXPECT_EQ(shares.held(shares.places_of(*base::IpAddress::parse("2001:db8:0:1:ffff::2"))), 1u);
  EXPECT_EQ(shares.held(shares.places_of(*base::IpAddress::parse("2001:db8:0:2::1"))), 0u);
  shares.enter(shares.places_of(kHog));
  EXPECT_EQ(shares.held(shares.places_of(kHog)), 1u);
  EXPECT_EQ(shares.held(shares.places_of(kOther)), 0u);
}

TEST(ClientShares, HardlyAnybodyIsTakenForAnother) {
  ClientShares shares;
  for (std::uint32_t i = 0; i < 20; ++i) shares.enter(shares.places_of(base::IpAddress::v4(0xc6336400 + i)));
  int mistaken = 0;
  for (std::uint32_t i = 0; i < 10'000; ++i)
    mistaken += shares.held(shares.places_of(base::IpAddress::v4(0x0a000000 + i))) != 0;
  EXPECT_LT(mistaken, 20) << "one is expected, 100 if there were one row only";
}

// A worker whose upstream never answers, in the thread of the test.
class WorkerUnderLoad : public ::testing::Test {
 protected:
  static constexpr std::uint32_t kSlots = 200;

  WorkerUnderLoad() {
    auto policy = std::make_shared<resolver::PolicySnapshot>();
    auto upstreams = std::make_shared<resolver::UpstreamSet>();
    upstreams->groups.push_back(
        {"default", resolver::UpstreamStrategy::kParallelBest, std::chrono::milliseconds(300), {upstream.spec()}});
    policy->filter = build_filter({});
    policy->upstreams = std::move(upstreams);
    published.publish(std::move(policy));
    resolver::WorkerOptions options;
    options.forwarder.inflight_max = kSlots;
    worker = std::make_unique<resolver::Worker>(options, cache, published, nullptr);
  }
  ~WorkerUnderLoad() override { worker->forwarder().cancel_all(); }

  /// Asks so many names of its own; returns how many were refused at once.
  std::size_t ask(const base::IpAddress& client, const std::string& label, std::size_t count) {
    auto refused = std::make_shared<std::size_t>(0);
    for (std::size_t i = 0; i < count; ++i)
      worker->resolve_local(make_query(label + std::to_string(i) + ".example.org", dns::RrType::kA), client,
                            resolver::Protocol::kUdp,
                            [refused](base::ByteView, const auto&, const auto&) { ++*refused; });
    worker->io().restart();
    worker->io().poll();
    return *refused;
  }

  FakeUpstream upstream{never_answer()};
  base::Published<resolver::PolicySnapshot> published;
  resolver::Cache cache{resolver::CacheOptions{}};
  std::unique_ptr<resolver::Worker> worker;
};

TEST_F(WorkerUnderLoad, OneClientCannotTakeTheSlotsOfOthers) {
  EXPECT_EQ(ask(kHog, "hog", 2 * kSlots), 2 * kSlots - kSlots / 2);
  EXPECT_EQ(worker->counters_view().client_share_exceeded.value(), 2 * kSlots - kSlots / 2);
  EXPECT_EQ(ask(kOther, "other", 40), 0u);
  EXPECT_EQ(worker->forwarder_counters().overloaded.value(), 0u);
  // What it holds it gets back when its queries end.
  const base::Instant end = base::monotonic_now() + std::chrono::seconds(10);
  while (worker->pending() != 0 && base::monotonic_now() < end)
    worker->io().run_one_for(std::chrono::milliseconds(20));
  ASSERT_EQ(worker->pending(), 0u);
  EXPECT_EQ(ask(kHog, "again", kSlots / 2), 0u);
}

}  // namespace
}  // namespace rampart
