#include "control/query_log_health.h"

#include <gtest/gtest.h>

namespace rampart::control {
namespace {

class QueryLogHealth : public testing::Test {
 protected:
  std::map<std::string, ComponentHealth> components(bool is_required = false) const {
    HealthReport report;
    append_query_log_health(stats_, options_, is_required, report);
    std::map<std::string, ComponentHealth> by_name;
    for (auto& one : report.components) by_name[one.component] = one;
    return by_name;
  }
  storage::QueryLogStats stats_;
  storage::QueryLogOptions options_;
};

TEST_F(QueryLogHealth, ADownSinkFailsOnlyWhereItIsRequired) {
  stats_.state = storage::SinkState::kDown;
  stats_.last_error = "connection refused";
  EXPECT_EQ(components()["queryLog"].state, ComponentState::kDegraded);
  EXPECT_EQ(components()["queryLog"].last_error, "connection refused");
  EXPECT_FALSE(components()["queryLog"].required);
  EXPECT_EQ(components(true)["queryLog"].state, ComponentState::kFailed);
  EXPECT_TRUE(components(true)["queryLog"].required);
  stats_.state = storage::SinkState::kReplaying;
  EXPECT_EQ(components()["queryLog"].state, ComponentState::kOk);
}

TEST_F(QueryLogHealth, WhatIsNotConfiguredIsOff) {
  EXPECT_EQ(components()["spool"].state, ComponentState::kOff);
  options_.type = storage::QueryLogType::kNone;
  options_.spool.path = "/somewhere";
  EXPECT_EQ(components()["queryLog"].state, ComponentState::kOff);
  EXPECT_EQ(components()["spool"].state, ComponentState::kOff);
}

TEST_F(QueryLogHealth, ASpoolIsDegradedWhileEntriesWaitInIt) {
  options_.spool.path = "/somewhere";
  EXPECT_EQ(components()["spool"].state, ComponentState::kOk);
  stats_.spool_waiting = 3;
  stats_.dropped_spool_full = 9;
  EXPECT_EQ(components()["spool"].state, ComponentState::kDegraded);
  EXPECT_EQ(components()["spool"].values["waiting"], 3);
  EXPECT_NE(components()["spool"].last_error.find("queryLog.spool.maxBytes"), std::string::npos);
}

TEST_F(QueryLogHealth, EveryDropIsInTheSum) {
  stats_.dropped_ring_full = 1;
  stats_.dropped_spool_full = 2;
  stats_.dropped_stdout = 4;
  stats_.dropped_damaged = 8;
  EXPECT_EQ(components()["queryLog"].values["dropped"], 15);
  EXPECT_EQ(components()["rings"].values["droppedFull"], 1);
  EXPECT_NE(components()["rings"].last_error.find("a ring was full"), std::string::npos);
}

}  // namespace
}  // namespace rampart::control
