#include "base/glob.h"

#include <cstddef>

namespace rampart::base {
namespace {

/// One step of a pattern that is no `*`: how long it is, and whether it takes `c`. Length 0: malformed.
struct Step {
  std::size_t length = 0;
  bool matches = false;
};

/// A character of a class, where `\` takes the next literally and `-` and `]` need it. Advances `at`.
bool class_character(std::string_view pattern, std::size_t& at, char& out) noexcept {
  if (at >= pattern.size() || pattern[at] == '-' || pattern[at] == ']') return false;
  if (pattern[at] == '\\' && ++at >= pattern.size()) return false;
  out = pattern[at++];
  return true;
}

Step step(std::string_view pattern, char c) noexcept {
  switch (pattern.front()) {
    case '?': return {1, c != '/'};
    case '\\':
      if (pattern.size() < 2) return {};
      return {2, pattern[1] == c};
    case '[': {
      std::size_t at = 1;
      bool negated = false, in_class = false;
      if (at < pattern.size() && pattern[at] == '^') negated = true, ++at;
      for (std::size_t ranges = 0;; ++ranges) {
        if (at < pattern.size() && pattern[at] == ']' && ranges > 0) return {at + 1, in_class != negated && c != '/'};
        char low = 0, high = 0;
        if (!class_character(pattern, at, low)) return {};
        high = low;
        if (at < pattern.size() && pattern[at] == '-') {
          ++at;
          if (!class_character(pattern, at, high)) return {};
        }
        if (low <= c && c <= high) in_class = true;
      }
    }
    default: return {1, pattern.front() == c};
  }
}

}  // namespace

bool is_glob_well_formed(std::string_view pattern) noexcept {
  while (!pattern.empty()) {
    if (pattern.front() == '*') {
      pattern.remove_prefix(1);
      continue;
    }
    const Step one = step(pattern, 'a');
    if (one.length == 0) return false;
    pattern.remove_prefix(one.length);
  }
  return true;
}

bool glob_matches(std::string_view pattern, std::string_view text) noexcept {
  if (!is_glob_well_formed(pattern)) return false;
  // Going back to the last star is enough: no star crosses a `/`, so what an earlier star takes cannot grow past it.
  std::size_t p = 0, t = 0, star = std::string_view::npos, star_text = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_text = t;
      continue;
    }
    if (p < pattern.size()) {
      if (const Step one = step(pattern.substr(p), text[t]); one.matches) {
        p += one.length;
        ++t;
        continue;
      }
    }
    if (star == std::string_view::npos || text[star_text] == '/') return false;
    p = star + 1;
    t = ++star_text;
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace rampart::base
