// The query log on stdout, in Blocky's form: one line of the application log for each query. Written straight to
// the descriptor in whole lines, past the log's own bounded queue, so that each line is either out or counted.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/log.h"
#include "storage/query_sink.h"

namespace rampart::storage {

/// Writes lines to a descriptor that may be a pipe nobody reads, or a stopped terminal.
class LineWriter {
 public:
  explicit LineWriter(int fd) noexcept;

  /// Writes `count` whole lines, each with its newline. Returns how many got out: fewer when the deadline has
  /// passed or the descriptor failed; then error() says what it was.
  std::uint32_t write(std::string_view lines, std::uint32_t count, const Deadline& deadline);
  [[nodiscard]] const std::string& error() const noexcept { return error_; }

 private:
  int fd_;
  bool is_file_ = false;
  std::size_t piece_bytes_ = 0;
  std::string error_;
};

/// Makes lines of entries: `[...]  INFO queryLog: query resolved  answer=...  client_ip=...`; empty fields are
/// left out.
class EntryPrinter {
 public:
  /// Takes the log's options and the time that hold now: once for a run of lines.
  void refresh() { form_.refresh(); }
  void append(std::string& out, const LogEntry& entry);

 private:
  base::log::LineForm form_{base::log::Level::kInfo, "queryLog", "query resolved"};
  std::string joined_;
};

/// Prints entries; what is not out by the deadline is lost. Returns how many got out.
std::uint32_t print_entries(const EntryBatch& batch, LineWriter& writer, const Deadline& deadline);

class ConsoleSink final : public QuerySink {
 public:
  explicit ConsoleSink(int fd) noexcept : writer_(fd) {}
  [[nodiscard]] std::string_view name() const noexcept override { return "console"; }
  [[nodiscard]] base::Status open(const Deadline&) override { return base::Done{}; }
  [[nodiscard]] WriteResult write(const EntryBatch& batch, const Deadline& deadline) override;
  void close() noexcept override {}
  [[nodiscard]] bool is_immediate() const noexcept override { return true; }
  [[nodiscard]] bool takes_lines() const noexcept override { return true; }

 private:
  LineWriter writer_;
};

}  // namespace rampart::storage
