// A run of log entries in one flat piece of memory: the unit in which entries are queued, written, spooled and
// replayed. The octets go into the spool as they stand, so the layout is a file format: little-endian, lengths
// before texts; and what is read back is checked like any stranger's bytes. A batch for a sink that prints holds
// the lines instead: it is never spooled, and packing an entry costs about as much as printing it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "storage/log_entry.h"

namespace rampart::storage {

/// Names a batch for ever, so that a database can tell whether it has it already.
using BatchId = std::array<std::uint8_t, 16>;
[[nodiscard]] BatchId new_batch_id();
[[nodiscard]] std::string to_text(const BatchId& id);  ///< UUID form

class EntryBatch {
 public:
  static constexpr std::size_t kEntryBytesMin = 8 + 4 + 4 * 9;  ///< start, duration, lengths of the texts

  EntryBatch() = default;
  /// Takes over octets of an earlier batch (from the spool). nullopt unless they hold exactly `count` entries.
  [[nodiscard]] static std::optional<EntryBatch> from_bytes(const BatchId& id, std::uint32_t count,
                                                            std::string bytes);

  void append(const LogEntry& entry);
  /// `print(std::string&)` appends one line with its newline. A batch has either entries or lines.
  template <class Printer>
  void append_line(Printer&& print) {
    print(bytes_);
    ++count_;
  }
  void reserve(std::size_t bytes) { bytes_.reserve(bytes); }
  [[nodiscard]] bool empty() const noexcept { return count_ == 0; }
  [[nodiscard]] std::uint32_t count() const noexcept { return count_; }
  [[nodiscard]] const std::string& bytes() const noexcept { return bytes_; }
  [[nodiscard]] const BatchId& id() const noexcept { return id_; }
  void assign_id() { id_ = new_batch_id(); }

  /// Calls `visit(const LogEntry&)` for entries from `first` on, in order, until it returns false.
  template <class Visitor>
  void for_each(Visitor&& visit, std::uint32_t first = 0) const {
    std::string_view rest = bytes_;
    LogEntry entry;
    for (std::uint32_t i = 0; i < count_ && read(rest, entry); ++i)
      if (i >= first && !visit(static_cast<const LogEntry&>(entry))) return;
  }

 private:
  static bool read(std::string_view& rest, LogEntry& entry) noexcept;

  BatchId id_{};
  std::uint32_t count_ = 0;
  std::string bytes_;
};

}  // namespace rampart::storage
