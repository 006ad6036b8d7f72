// Batches of the query log for tests of what stores them.
#pragma once

#include <string>
#include <vector>

#include "storage/entry_batch.h"
#include "storage/query_sink.h"
#include "tests/support/query_event_builder.h"
#include "tests/support/record_decoder.h"

namespace rampart::test_support {

inline storage::EntryBatch batch_of(const std::vector<QueryEventBuilder>& events) {
  storage::EntryOptions options;
  options.instance = "node-1";
  RecordDecoder decoder(options);
  storage::EntryBatch batch;
  for (const auto& event : events)
    if (decoder.decode(event.record()) == storage::LogEntryDecoder::Outcome::kEntry) batch.append(decoder.entry());
  batch.assign_id();
  return batch;
}

/// `count` entries for `<first>.example.org` and the following numbers.
inline storage::EntryBatch numbered_batch(int first, int count) {
  std::vector<QueryEventBuilder> events;
  for (int i = 0; i < count; ++i) events.emplace_back(std::to_string(first + i) + ".example.org.");
  return batch_of(events);
}

inline storage::Deadline soon() { return storage::Deadline(base::monotonic_now() + std::chrono::seconds(10)); }

}  // namespace rampart::test_support
