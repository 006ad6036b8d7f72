// Rows of `log_entries` in PostgreSQL's COPY text format.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "storage/entry_batch.h"

namespace rampart::storage {

/// The columns that append_row() writes, in its order.
inline constexpr std::string_view kLogEntryColumns =
    "request_ts, client_ip, client_name, duration_ms, reason, response_type, question_type, question_name, "
    "effective_tldp, answer, response_code, hostname";

/// `2023-11-14 22:13:20.123456` in UTC.
[[nodiscard]] std::string utc_text(std::int64_t unix_us);

/// One thread's writer; keeps its scratch memory from row to row.
class CopyTextWriter {
 public:
  /// Appends one row with its newline. Cost: one pass over the texts, plus the public suffix lookup.
  void append_row(const LogEntry& entry, std::string& out);

 private:
  std::string qname_, domain_, names_;
  std::int64_t second_ = INT64_MIN;  ///< whose text is in `second_text_`
  std::string second_text_;
};

/// Days since the epoch (UTC) that occur in the batch, ascending.
[[nodiscard]] std::vector<std::int32_t> days_of(const EntryBatch& batch);

}  // namespace rampart::storage
