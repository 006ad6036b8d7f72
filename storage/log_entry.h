// From a worker's record to an entry of the query log: Blocky's fields as text, with the selection, masking and
// ignore rules of the configuration. Everything a stranger can influence (names, answers, patterns) leaves here as
// valid UTF-8 without control characters, so no sink has to ask again.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/bytes.h"
#include "storage/query_event_view.h"
#include "storage/query_log_options.h"

namespace re2 {
class RE2;
}

namespace rampart::storage {

/// `log.privacy`: what a name consists of goes, its shape stays.
void mask_name(std::string& text);

/// One entry as views into somebody else's memory (a decoder or a batch).
struct LogEntry {
  std::int64_t start_unix_us = 0;
  std::uint32_t duration_ms = 0;
  std::string_view client_ip;      ///< "0.0.0.0" when not selected
  std::string_view client_names;   ///< joined by '\n'; "none" when not selected
  std::string_view reason;         ///< `BLOCKED (ads: *.example.com)`, `RESOLVED (tcp+udp:192.0.2.1)`
  std::string_view response_type;  ///< "BLOCKED"
  std::string_view response_code;  ///< "NOERROR"
  std::string_view question_name;  ///< as asked, case kept, with final dot
  std::string_view question_type;  ///< "AAAA"
  std::string_view answer;         ///< `A (192.0.2.1), CNAME (target.)`
  std::string_view instance;
};

/// `queryLog.ignore.domains`. Invalid and empty patterns are skipped with a WARN, as Blocky does.
class IgnoredNames {
 public:
  explicit IgnoredNames(const std::vector<std::string>& rules);
  ~IgnoredNames();
  IgnoredNames(IgnoredNames&&) noexcept;
  [[nodiscard]] bool empty() const noexcept { return exact_.empty() && below_.empty() && patterns_.empty(); }
  /// `name`: lower case, without final dot.
  [[nodiscard]] bool contains(std::string_view name) const;

 private:
  std::unordered_set<std::string> exact_;
  std::unordered_set<std::string> below_;  ///< of `*.name`: the name and everything below it
  std::vector<std::unique_ptr<re2::RE2>> patterns_;
};

/// One thread's decoder; its strings keep their memory from entry to entry.
class LogEntryDecoder {
 public:
  enum class Outcome : std::uint8_t {
    kEntry,
    kIgnored,  ///< by the rules, or a health check
  };

  explicit LogEntryDecoder(EntryOptions options);

  /// On kEntry, entry() is valid until the next call; it borrows from `texts`, which are those of `event`.
  [[nodiscard]] Outcome decode(const QueryEventView& event, const QueryEventTexts& texts);
  [[nodiscard]] const LogEntry& entry() const noexcept { return entry_; }

 private:
  void set_reason(const QueryEventView& event, const QueryEventTexts& texts);
  void append_matches(const QueryEventView& event, std::string_view folded_name);

  const EntryOptions options_;
  const IgnoredNames ignored_;
  const std::string instance_;
  base::TextBuffer client_names_, reason_;
  std::string answer_text_, answer_, masked_name_;
  LogEntry entry_;
};

/// /etc/hostname, else the kernel's host name; "" if neither can be had.
[[nodiscard]] std::string instance_name();

}  // namespace rampart::storage
