// Log entries of workers' records, by the steps that the drain thread takes.
#pragma once

#include <optional>
#include <utility>

#include "storage/log_entry.h"

namespace rampart::test_support {

class RecordDecoder {
 public:
  explicit RecordDecoder(storage::EntryOptions options) : decoder_(std::move(options)) {}

  /// nullopt: the record's lengths do not add up. entry() is valid until the next call.
  [[nodiscard]] std::optional<storage::LogEntryDecoder::Outcome> decode(base::ByteView record) {
    const auto event = storage::QueryEventView::parse(record);
    if (!event) return std::nullopt;
    texts_.assign(*event);
    return decoder_.decode(*event, texts_);
  }
  [[nodiscard]] const storage::LogEntry& entry() const noexcept { return decoder_.entry(); }

 private:
  storage::QueryEventTexts texts_;
  storage::LogEntryDecoder decoder_;
};

}  // namespace rampart::test_support
