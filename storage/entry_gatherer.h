// What the drain thread has decoded and not yet handed on: the batch that grows.
#pragma once

#include <cstddef>
#include <utility>

#include "base/time.h"
#include "storage/console_sink.h"
#include "storage/entry_batch.h"

namespace rampart::storage {

class EntryGatherer {
 public:
  /// `takes_lines`: QuerySink::takes_lines() of the sink that will get the batch.
  void add(const LogEntry& entry, bool takes_lines) {
    if (batch_.empty()) begin(takes_lines);
    if (takes_lines) batch_.append_line([&](std::string& out) { printer_.append(out, entry); });
    else batch_.append(entry);
  }
  /// The batch, with an ID. Only when there is one.
  [[nodiscard]] EntryBatch take() {
    last_bytes_ = batch_.bytes().size();
    EntryBatch batch = std::exchange(batch_, EntryBatch());
    batch.assign_id();
    return batch;
  }
  [[nodiscard]] bool empty() const noexcept { return batch_.empty(); }
  [[nodiscard]] std::size_t bytes() const noexcept { return batch_.bytes().size(); }
  [[nodiscard]] base::Instant since() const noexcept { return since_; }

 private:
  void begin(bool takes_lines) {
    since_ = base::monotonic_now();
    batch_.reserve(last_bytes_);  // the next is likely to be as long as the last
    if (takes_lines) printer_.refresh();
  }

  EntryPrinter printer_;
  EntryBatch batch_;
  base::Instant since_{};
  std::size_t last_bytes_ = 0;
};

}  // namespace rampart::storage
