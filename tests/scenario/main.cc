// Plays scenarios: scenario_player FILE.scn...   Prints what did not hold; exit code 0 only if everything did.
// RAMPART_TEST_SEED changes the random numbers (IDs, letter case, choice of upstreams).
#include <cstdio>
#include <cstdlib>

#include "tests/scenario/scenario_script.h"
#include "tests/support/virtual_time.h"

int main(int argc, char** argv) {
  const char* seed = std::getenv("RAMPART_TEST_SEED");
  rampart::test::stop_the_clock(seed != nullptr ? std::strtoull(seed, nullptr, 10) : 1);
  bool all_hold = argc > 1;
  for (int i = 1; i < argc; ++i) {
    const std::string failure = rampart::test::run_scenario(argv[i]);
    if (!failure.empty()) std::printf("%s\n", failure.c_str());
    all_hold = all_hold && failure.empty();
  }
  return all_hold ? 0 : 1;
}
