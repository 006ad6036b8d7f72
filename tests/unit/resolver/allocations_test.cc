// The promise of the query path: a blocked, cached, or refused answer allocates nothing. Every operator new of this
// program is counted.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "resolver/custom_dns.h"
#include "resolver/rate_limiter.h"
#include "tests/support/pipeline_world.h"

namespace {
std::atomic<std::uint64_t> g_allocations{0};
}

#pragma GCC diagnostic ignored "-Wmismatched-new-delete"  // malloc and free are a pair; the compiler inlines one half
void* operator new(std::size_t size) {
  g_allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* p = std::malloc(size)) return p;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  g_allocations.fetch_add(1, std::memory_order_relaxed);
  return std::malloc(size);
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }

namespace rampart {
namespace {

using dns::RrType;
using storage::Reason;

class Allocations : public ::testing::Test {
 protected:
  std::uint64_t count_answers(const test::Bytes& query, Reason expected) {
    resolver::QueryContext context;
    test::Bytes out(2048);
    std::uint64_t before = 0;
    for (int i = 0; i < 1000; ++i) {
      if (i == 10) before = g_allocations.load();  // the first answers may learn the client
      context.wire = query;
      context.client = base::IpAddress::v4(0xc000020a);
      context.arrival = world.now();
      std::size_t length = 0;
      world.pipeline().begin_batch();
      const auto disposition = world.pipeline().answer(context, world.policy(), world.now(), out, length);
      world.pipeline().note(context, world.policy(), {0, 0}, base::ByteView(out).first(length));
      EXPECT_EQ(disposition, resolver::Disposition::kRespond);
      EXPECT_EQ(context.reason, expected);
    }
    return g_allocations.load() - before;
  }

  test::PipelineWorld world{{{"ads", blocklists::Action::kDeny, "ads.example.org\n*.tracker.example\n192.0.2.99\n"
                                                                 "||typed.example^$dnstype=~AAAA|~TXT\n"}}};
};

TEST_F(Allocations, CounterCounts) {
  const auto before = g_allocations.load();
  ::operator delete(::operator new(7));  // a plain new-expression may be optimised away
  EXPECT_GT(g_allocations.load(), before);
}

TEST_F(Allocations, NoneForBlockedNames) {
  EXPECT_EQ(count_answers(test::make_query("x.tracker.example", RrType::kA, {.edns = true}), Reason::kBlocked), 0u);
}

TEST_F(Allocations, NoneForNamesOfRulesForSomeTypes) {
  world.policy().extended_errors = true;
  EXPECT_EQ(count_answers(test::make_query("x.typed.example", RrType::kA, {.edns = true}), Reason::kBlocked), 0u);
  const auto query = test::make_query("x.typed.example", RrType::kAaaa);
  static_cast<void>(world.resolve(
      query, test::make_response(query, dns::Rcode::kNoError, {{"", RrType::kAaaa, 300, test::Bytes(16, 0x20)}})));
  EXPECT_EQ(count_answers(query, Reason::kCached), 0u);
}

TEST_F(Allocations, NoneForBlockedNamesWithExtendedErrors) {
  world.policy().extended_errors = true;
  EXPECT_EQ(count_answers(test::make_query("x.tracker.example", RrType::kA, {.edns = true}), Reason::kBlocked), 0u);
}

TEST_F(Allocations, NoneForCachedAnswers) {
  const auto query = test::make_query("www.example.org", RrType::kA, {.edns = true});
  static_cast<void>(world.resolve(
      query, test::make_response(query, dns::Rcode::kNoError, {{"", RrType::kA, 300, test::a_rdata(192, 0, 2, 1)}})));
  EXPECT_EQ(count_answers(query, Reason::kCached), 0u);
}

TEST_F(Allocations, NoneForCachedAnswersThatMustBeInspectedAgain) {
  const auto query = test::make_query("www.example.org", RrType::kA);
  static_cast<void>(world.resolve(
      query, test::make_response(query, dns::Rcode::kNoError, {{"", RrType::kA, 300, test::a_rdata(192, 0, 2, 1)}})));
  ++world.policy().generation;
  EXPECT_EQ(count_answers(query, Reason::kCached), 0u);
}

TEST_F(Allocations, NoneWithRateLimitAndRebindingProtection) {
  resolver::RateLimitOptions options;
  options.rate = 1'000'000;
  world.policy().rate_limiter = std::make_shared<resolver::RateLimiter>(options, base::HashKey{1, 2});
  world.policy().rebinding.emplace();
  const auto query = test::make_query("www.example.org", RrType::kA);
  static_cast<void>(world.resolve(
      query, test::make_response(query, dns::Rcode::kNoError, {{"", RrType::kA, 300, test::a_rdata(192, 0, 2, 1)}})));
  ++world.policy().generation;  // so that the answer is looked into
  EXPECT_EQ(count_answers(query, Reason::kCached), 0u);
}

TEST_F(Allocations, NoneForCustomNames) {
  const auto name = [](std::string_view text) { return *dns::Name::parse(text); };
  resolver::CustomDnsOptions options;
  options.mapping = {{name("nas.example.org"), {*base::IpAddress::parse("192.168.1.2")}}};
  options.zone = *dns::parse_zone("alias.example.org. 60 CNAME nas.example.org.\n"
                                  "blocked.example.org. 60 CNAME x.tracker.example.\n");
  options.rewrite = {{name("home"), name("example.org")}};
  world.policy().custom_dns = std::make_shared<const resolver::CustomDns>(world.policy().filter->key(), options);
  for (const char* asked : {"nas.example.org", "alias.example.org", "blocked.example.org", "x.nas.home"})
    EXPECT_EQ(count_answers(test::make_query(asked, RrType::kA, {.edns = true}), Reason::kCustomDns), 0u) << asked;
  EXPECT_EQ(count_answers(test::make_query("2.1.168.192.in-addr.arpa", RrType::kPtr), Reason::kCustomDns), 0u);
}

TEST_F(Allocations, NoneWithLearnedNames) {
  base::Published<resolver::ClientNameTable> names;
  const auto publish = [&](std::uint64_t stamp) {
    auto table = std::make_shared<resolver::ClientNameTable>();
    table->append({base::IpAddress::v4(0xc000020a), world.now() + std::chrono::hours(1), stamp, true, 0, 0},
                  "laptop-of-the-youngest.lan");
    names.publish(std::move(table));
  };
  publish(1);
  resolver::ClientNameDesk desk(names);
  world.learn_names_at(desk);
  const auto query = test::make_query("x.tracker.example", RrType::kA);
  EXPECT_EQ(count_answers(query, Reason::kBlocked), 0u);
  world.policy().clients.static_names.emplace_back(base::IpAddress::v4(0xc000020a), "the-same-client-with-a-static-name");
  world.pipeline().forget_clients();
  EXPECT_EQ(count_answers(query, Reason::kBlocked), 0u);
}

TEST_F(Allocations, NoneForClientsWhoseNamesAreDueAgainOrWhenOthersLearnTheirs) {
  base::Published<resolver::ClientNameTable> names;
  names.publish(std::make_shared<resolver::ClientNameTable>());
  resolver::ClientNameDesk desk(names);
  world.learn_names_at(desk);
  const auto query = test::make_query("x.tracker.example", RrType::kA);
  EXPECT_EQ(count_answers(query, Reason::kBlocked), 0u);
  std::vector<std::shared_ptr<const resolver::ClientNameTable>> tables;
  for (int i = 0; i < 100; ++i) tables.push_back(std::make_shared<resolver::ClientNameTable>());
  resolver::QueryContext context;
  test::Bytes out(2048);
  long allocated = 0;
  for (const auto& table : tables) {
    names.publish(table);
    const auto before = g_allocations.load();
    world.pass(resolver::ClientCache::kAskPause);
    context.wire = query;
    context.client = base::IpAddress::v4(0xc000020a);
    context.arrival = world.now();
    std::size_t length = 0;
    world.pipeline().begin_batch();
    static_cast<void>(world.pipeline().answer(context, world.policy(), world.now(), out, length));
    allocated += static_cast<long>(g_allocations.load() - before);
  }
  EXPECT_EQ(allocated, 0);
  int requests = 0;
  desk.drain([&](const base::IpAddress&) { ++requests; });
  EXPECT_GT(requests, 50);
}

TEST_F(Allocations, NoneForMalformedQueries) {
  EXPECT_EQ(count_answers(test::Bytes(12, 0), Reason::kMalformed), 0u);
}

}  // namespace
}  // namespace rampart
