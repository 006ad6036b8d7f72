#include "control/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "control/metrics.h"

namespace rampart::control {
namespace {

// HTTP listeners may be asked while start() is still assembling what the answers are made of.
TEST(Server, HealthAndMetricsMayBeAskedBeforeItHasStarted) {
  Server server("/does/not/exist.yml");
  EXPECT_FALSE(server.health().answering);
  MetricsSnapshot metrics;
  server.collect(metrics);
  EXPECT_TRUE(metrics.own.empty());
  EXPECT_FALSE(server.stats());
}

TEST(Server, AStartThatFailsLeavesNothingBehind) {
  Server server("/does/not/exist.yml");
  const auto started = server.start();
  ASSERT_FALSE(started.ok());
  EXPECT_THAT(started.error(), testing::HasSubstr("/does/not/exist.yml"));
  EXPECT_FALSE(server.health().answering);
}

}  // namespace
}  // namespace rampart::control
