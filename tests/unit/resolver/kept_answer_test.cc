// What an upstream's answer looks like to clients, fresh and from the cache.
#include <gtest/gtest.h>

#include "dns/presentation.h"
#include "resolver/pipeline.h"
#include "tests/support/pipeline_world.h"

namespace rampart {
namespace {

using dns::Rcode;
using dns::RrType;
using storage::Reason;
using test::make_query;
using test::make_response;
using test::PipelineWorld;

test::Bytes answer_a(const test::Bytes& query) {
  return make_response(query, Rcode::kNoError, {{"", RrType::kA, 300, test::a_rdata(192, 0, 2, 1)}});
}

TEST(KeptAnswer, LetterCaseOfAnOwnerWrittenInFullIsNotKept) {
  PipelineWorld world;
  const auto query = make_query("www.example.org", RrType::kA);
  const test::Bytes upstream = make_response(query, Rcode::kNoError,
                                       {{"wWw.eXAmple.oRg", RrType::kA, 300, test::a_rdata(192, 0, 2, 1)},
                                        {"Other.Example.org", RrType::kA, 300, test::a_rdata(192, 0, 2, 2)}});
  const auto owner = [](const test::Bytes& response, std::size_t number) {
    std::vector<std::string> owners;
    dns::MessageView::parse(response)->for_each_record([&](const dns::RecordView& record) {
      dns::append_fqdn_text(owners.emplace_back(), record.owner().view());
      return true;
    });
    return owners.at(number);
  };
  const auto fresh = world.resolve(query, upstream);
  const auto cached = world.ask_wire(query);
  EXPECT_EQ(cached.reason, Reason::kCached);
  for (const auto& bytes : {fresh.bytes, cached.bytes}) {
    EXPECT_EQ(owner(bytes, 0), "www.example.org.");
    EXPECT_EQ(owner(bytes, 1), "Other.Example.org.") << "other names are the upstream's own";
  }
}

TEST(KeptAnswer, CachedAnswersSaySoInAnExtendedErrorWhenWanted) {
  for (const bool wanted : {false, true}) {
    PipelineWorld world;
    world.policy().extended_errors = wanted;
    const auto query = make_query("www.example.org", RrType::kA, {.edns = true});
    world.resolve(query, answer_a(query));
    const test::Bytes reply = world.ask_wire(query).bytes;
    const std::string text(reply.begin(), reply.end());
    EXPECT_EQ(text.find(std::string("\0\x0d", 2) + "CACHED") != std::string::npos, wanted);
  }
}

}  // namespace
}  // namespace rampart
