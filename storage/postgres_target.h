// A connection string as users bring it from Blocky. Blocky's driver takes any word, also run-time settings and its
// pool's options, where libpq refuses a string with one word it does not know; and libpq, when it connects
// asynchronously, spends all the time on the first host of several. So the string is taken apart here.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace rampart::storage {

struct PostgresTarget {
  struct Host {
    std::string host, hostaddr, port;  ///< "" = not given
  };
  std::vector<std::pair<std::string, std::string>> words;  ///< all but host, hostaddr and port
  std::vector<Host> hosts;                                 ///< at least one, in order
  std::vector<std::string> ignored;                        ///< words that mean nothing here
};

/// URL (`postgres://`, `postgresql://`) or `key=value ...`. Error: libpq's words, without the string itself, which
/// holds a password.
[[nodiscard]] base::Result<PostgresTarget, std::string> parse_postgres_target(std::string_view text);

}  // namespace rampart::storage
