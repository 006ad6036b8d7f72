// Names in the image of real lists: a few public suffixes, second-level names of words and numbers, one to three
// labels in front, and a share of long machine-made labels. Different seeds give (nearly) disjoint names.
#pragma once

#include <cstddef>
#include <random>
#include <string>
#include <vector>

namespace rampart::bench {

class SyntheticNames {
 public:
  explicit SyntheticNames(unsigned seed) : random_(seed), tag_(seed) {}
  [[nodiscard]] std::string next();

 private:
  std::mt19937_64 random_;
  unsigned tag_;
  std::size_t count_ = 0;
};

/// Patterns like those of published regex lists; few of them match synthetic names.
[[nodiscard]] std::vector<std::string> synthetic_regexes(std::size_t count);

}  // namespace rampart::bench
