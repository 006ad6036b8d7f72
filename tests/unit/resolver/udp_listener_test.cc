// A worker's UDP socket, with a worker behind it.
#include "resolver/udp_listener.h"

#include <gtest/gtest.h>

#include "resolver/worker.h"
#include "tests/support/eventually.h"
#include "tests/support/loopback.h"
#include "tests/support/pipeline_world.h"

namespace rampart {
namespace {

using test_support::eventually;

/// More than the batches of one round hold: the kernel does not speak of them again, so the worker must go on by
/// itself.
TEST(UdpListener, ReadsAllThatWaitedBeforeItBegan) {
  constexpr std::size_t kQueries = resolver::UdpListener::kBatch * resolver::UdpListener::kRoundsMax * 3 + 7;
  resolver::Cache cache({});
  auto policy = std::make_shared<resolver::PolicySnapshot>();
  policy->filter = test::build_filter({});
  base::Published<resolver::PolicySnapshot> policies;
  policies.publish(policy);
  resolver::Worker worker({}, cache, policies, nullptr);
  resolver::ListenPair sockets;
  auto udp = resolver::open_udp({.address = {*base::IpAddress::parse("127.0.0.1"), 0}});
  ASSERT_TRUE(udp.ok()) << udp.error();
  sockets.address = resolver::local_endpoint(udp->get());
  sockets.udp = std::move(*udp);
  const int client = socket(AF_INET, SOCK_DGRAM, 0);
  const sockaddr_in to = test_support::loopback(sockets.address.port);
  ASSERT_EQ(connect(client, reinterpret_cast<const sockaddr*>(&to), sizeof(to)), 0);
  const test::Bytes query = test::make_query("www.example.org", dns::RrType::kAxfr);  // refused: needs no upstream
  for (std::size_t i = 0; i < kQueries; ++i)
    ASSERT_EQ(send(client, query.data(), query.size(), 0), static_cast<ssize_t>(query.size()));
  worker.add_listener(std::move(sockets));
  worker.start();
  EXPECT_TRUE(eventually([&] { return worker.counters_view().udp_queries.value() == kQueries; }))
      << worker.counters_view().udp_queries.value() << " of " << kQueries;
  close(client);
  worker.stop();
}

}  // namespace
}  // namespace rampart
