// Reads hosts files: an address, a name, perhaps more names, and `#` comments, line by line, in pieces cut
// anywhere. Not for the query path.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "dns/name.h"

namespace rampart::dns {

struct HostsLine {
  base::IpAddress address;
  Name name;
  std::vector<Name> aliases;
};

class HostsTextReader {
 public:
  /// Longer lines are errors: some thousand names for one address are no hosts file.
  static constexpr std::size_t kLineBytesMax = 1 << 16;

  /// `take` gets each line that defines names; false: enough. `max_errors`: one more ends the reading; -1: any
  /// number.
  HostsTextReader(std::int64_t max_errors, std::function<bool(const HostsLine&)> take)
      : max_errors_(max_errors), take_(std::move(take)) {}

  /// False: over the budget of errors, or `take` has enough.
  bool feed(std::string_view text);
  bool finish();

  [[nodiscard]] std::uint64_t error_count() const noexcept { return error_count_; }
  /// The first error: "line 3: 'x' is no IP address"; empty if there was none.
  [[nodiscard]] const std::string& first_error() const noexcept { return first_error_; }
  [[nodiscard]] bool is_over_budget() const noexcept {
    return max_errors_ >= 0 && error_count_ > static_cast<std::uint64_t>(max_errors_);
  }

 private:
  bool read_line(std::string_view line);
  bool fail(std::string why);

  const std::int64_t max_errors_;
  const std::function<bool(const HostsLine&)> take_;
  std::string rest_;  ///< of a line whose end has not come yet
  bool is_skipping_ = false;  ///< the rest of a line that is too long
  std::uint64_t line_ = 0;
  std::uint64_t error_count_ = 0;
  std::string first_error_;
  HostsLine current_;
};

}  // namespace rampart::dns
