// RFC 8482: ANY is answered with as little as is honest, and asked of nobody.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/pipeline_world.h"

namespace rampart {
namespace {

using dns::RrType;

TEST(Rfc8482Section4_2, OneHinfoRecordThatNamesThisStandard) {
  test::PipelineWorld world;
  const auto reply = world.ask("www.example.org", RrType::kAny);
  ASSERT_EQ(reply.disposition, resolver::Disposition::kRespond);
  EXPECT_EQ(reply.rcode, 0);
  ASSERT_EQ(reply.records.size(), 1u);
  EXPECT_THAT(reply.records[0], ::testing::StartsWith("HINFO \"RFC8482\""));
  EXPECT_EQ(reply.reason, storage::Reason::kMinimalAny);
}

TEST(Rfc8482Section4, WhatIsBlockedStaysBlockedForAny) {
  test::PipelineWorld world({{"ads", blocklists::Action::kDeny, "ads.example.org\n"}});
  EXPECT_EQ(world.ask("ads.example.org", RrType::kAny).reason, storage::Reason::kBlocked);
}

}  // namespace
}  // namespace rampart
