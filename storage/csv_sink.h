// The query log as tab-separated files, one for each day, or for each day and client, in Blocky's columns and with
// the quoting of the CSV writer it uses. A batch is appended whole: when the disk refuses a part, what was already
// appended is cut off again.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "storage/query_sink.h"
#include "storage/retention_clock.h"

namespace rampart::storage {

struct CsvSinkOptions {
  std::string directory;             ///< has to exist; "" = working directory
  bool for_each_client = false;
  std::uint32_t retention_days = 0;  ///< 0 keeps all files
};

class CsvSink final : public QuerySink {
 public:
  explicit CsvSink(CsvSinkOptions options);
  [[nodiscard]] std::string_view name() const noexcept override { return options_.for_each_client ? "csv-client" : "csv"; }
  [[nodiscard]] base::Status open(const Deadline& deadline) override;
  [[nodiscard]] WriteResult write(const EntryBatch& batch, const Deadline& deadline) override;
  [[nodiscard]] base::Status maintain(base::WallTime now, const Deadline& deadline) override;
  void close() noexcept override {}
  [[nodiscard]] bool is_immediate() const noexcept override { return true; }

 private:
  const CsvSinkOptions options_;
  RetentionClock retention_clock_;
};

/// One field as Go's encoding/csv writes it with a tab as separator.
void append_csv_field(std::string_view field, std::string& out);
/// One line with its newline; times in local time.
void append_csv_line(const LogEntry& entry, std::string& out);
/// `2023-11-14_ALL.log`, `2023-11-14_laptop.log`
[[nodiscard]] std::string csv_file_name(const LogEntry& entry, bool for_each_client);

}  // namespace rampart::storage
