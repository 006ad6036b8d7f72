// All regexes of all groups, asked in one scan of the name (RE2::Set). RE2 has no backtracking: the cost of a scan
// grows with the name only, whatever the patterns are. Names are matched lower-case, without the final dot, octet
// by octet (Latin-1), unanchored, as Blocky does.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/counter.h"
#include "base/result.h"


namespace rampart::blocklists {

/// False, and why in `error`, if the pattern is none. Costs some microseconds: for parsers.
[[nodiscard]] bool is_valid_regex(std::string_view pattern, std::string& error);

class RegexSet {
 public:
  RegexSet();
  ~RegexSet();
  RegexSet(RegexSet&&) noexcept;
  RegexSet& operator=(RegexSet&&) noexcept;

  /// Compiles the patterns; the error names the pattern or the memory that was not enough.
  [[nodiscard]] base::Status build(const std::vector<std::string>& patterns);

  /// Fills `matched` with the positions of the patterns that match, ascending. Thread-safe; allocates.
  void match(std::string_view name, std::vector<int>& matched) const;

  /// Scans that ended for want of memory and so matched nothing, since this set was built.
  [[nodiscard]] std::uint64_t failed_scans() const noexcept { return failed_scans_->value(); }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return memory_budget_; }

 private:
  class Engine;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<base::SharedCounter> failed_scans_;
  std::size_t memory_budget_ = 0;
};

}  // namespace rampart::blocklists
