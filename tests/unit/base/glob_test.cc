#include "base/glob.h"

#include <gtest/gtest.h>

namespace rampart::base {
namespace {

TEST(Glob, IsGos) {
  const struct {
    const char* pattern;
    const char* text;
    bool matches;
  } kCases[] = {
      {"abc", "abc", true},      {"*", "abc", true},        {"*c", "abc", true},        {"a*", "a", true},
      {"a*", "ab/c", false},     {"a*/b", "abc/b", true},   {"a*b*c*d*e*/f", "axbxcxdxexxx/f", true},
      {"a*b?c*x", "abxbbxdbxebxczzx", true}, {"a*b?c*x", "abxbbxdbxebxczzy", false},
      {"ab[c]", "abc", true},    {"ab[b-d]", "abc", true},  {"ab[e-g]", "abc", false},  {"ab[^c]", "abc", false},
      {"ab[^e-g]", "abc", true}, {"a\\*b", "a*b", true},    {"a\\*b", "ab", false},     {"a?b", "a/b", false},
      {"[\\]a]", "]", true},     {"[\\-x]", "-", true},     {"[x-]", "x", false},       {"[", "a", false},
      {"[]a]", "]", false},      {"a[", "ab", false},       {"*x", "xxx", true},        {"", "", true},
      {"\\", "a", false},
  };
  for (const auto& one : kCases) {
    EXPECT_EQ(glob_matches(one.pattern, one.text), one.matches) << one.pattern << " against " << one.text;
  }
  EXPECT_FALSE(is_glob_well_formed("tv[1-"));
  EXPECT_TRUE(is_glob_well_formed("tv[1-9]*"));
}

}  // namespace
}  // namespace rampart::base
