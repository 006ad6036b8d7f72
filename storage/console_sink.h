// The query log on stdout, in Blocky's form: one line of the application log for each query. Written straight to
// the descriptor in whole lines, past the log's own bounded queue, so that each line is either out or counted.
#pragma once

#include <string>
#include <utility>

#include "storage/query_sink.h"

namespace rampart::storage {

/// Writes lines to a descriptor that may be a pipe nobody reads, or a stopped terminal.
class LineWriter {
 public:
  explicit LineWriter(int fd) noexcept;

  /// Where the next line goes, with its newline; end_line() when it stands there. Writes out when enough has
  /// gathered. False when the deadline has passed or the descriptor failed: then this line and those still gathered
  /// are lost, and take_unwritten() counts them.
  [[nodiscard]] std::string& begin_line() noexcept { return gathered_; }
  bool end_line(const Deadline& deadline);
  bool flush(const Deadline& deadline);
  /// Lines lost by the last failed call; reset by reading.
  [[nodiscard]] std::uint32_t take_unwritten() noexcept { return std::exchange(unwritten_, 0); }
  [[nodiscard]] const std::string& error() const noexcept { return error_; }

 private:
  /// Writes the first `bytes`, whole lines; false: all that is gathered is lost.
  bool write_out(std::size_t bytes, const Deadline& deadline);

  int fd_;
  bool is_file_ = false;
  std::size_t piece_bytes_ = 0;
  std::string gathered_;
  std::size_t ended_ = 0;  ///< of gathered_: whole lines
  std::uint32_t unwritten_ = 0;
  std::string error_;
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

 private:
  LineWriter writer_;
};

}  // namespace rampart::storage
