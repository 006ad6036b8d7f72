#include "control/go_duration.h"

#include <gtest/gtest.h>

namespace rampart::control {
namespace {

using namespace std::chrono_literals;

TEST(GoDuration, ReadsGosGrammar) {
  EXPECT_EQ(*parse_go_duration("0"), 0ns);
  EXPECT_EQ(*parse_go_duration("-0"), 0ns);
  EXPECT_EQ(*parse_go_duration("5s"), 5s);
  EXPECT_EQ(*parse_go_duration("1h15m30.5s"), 1h + 15min + 30500ms);
  EXPECT_EQ(*parse_go_duration(".5m"), 30s);
  EXPECT_EQ(*parse_go_duration("1.s"), 1s);
  EXPECT_EQ(*parse_go_duration("100us"), 100us);
  EXPECT_EQ(*parse_go_duration("100µs"), 100us);
  EXPECT_EQ(*parse_go_duration("-2m"), -2min);
  EXPECT_EQ(*parse_go_duration("3ns"), 3ns);
}

TEST(GoDuration, RefusesTheRestInGosWords) {
  EXPECT_EQ(parse_go_duration("5").error(), "time: missing unit in duration \"5\"");
  EXPECT_EQ(parse_go_duration("5x").error(), "time: unknown unit \"x\" in duration \"5x\"");
  EXPECT_EQ(parse_go_duration("abc").error(), "time: invalid duration \"abc\"");
  for (const char* bad : {"", "-", "+", ".", "s", ".s", "1h ", " 1h", "1.2.3s", "99999999999999999999s", "9999999h",
                          "1s2"}) {
    EXPECT_FALSE(parse_go_duration(bad).ok()) << bad;
  }
}

TEST(GoDuration, PrintsAsGoDoes) {
  EXPECT_EQ(go_duration_text(0ns), "0s");
  EXPECT_EQ(go_duration_text(1h), "1h0m0s");
  EXPECT_EQ(go_duration_text(90s), "1m30s");
  EXPECT_EQ(go_duration_text(250ms), "250ms");
  EXPECT_EQ(go_duration_text(1500ms), "1.5s");
  EXPECT_EQ(go_duration_text(1500us), "1.5ms");
  EXPECT_EQ(go_duration_text(-90s), "-1m30s");
  EXPECT_EQ(go_duration_text(7ns), "7ns");
}

TEST(GoDuration, WhatIsPrintedIsRead) {
  for (const auto d : {1ns, 999ns, 1001ns, 123456789ns, std::chrono::nanoseconds(3h + 25min + 45s + 123ms)}) {
    EXPECT_EQ(*parse_go_duration(go_duration_text(d)), d) << go_duration_text(d);
  }
}

}  // namespace
}  // namespace rampart::control
