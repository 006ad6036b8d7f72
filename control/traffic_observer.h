// Feeds metrics and statistics from the query log's records: everything that needs texts is counted on the drain
// thread, so a worker never builds a label.
#pragma once

#include <memory>

#include "base/bytes.h"
#include "control/statistics.h"
#include "control/traffic_counters.h"
#include "storage/log_entry.h"

namespace rampart::control {

class TrafficObserver {
 public:
  /// `statistics` may be null.
  TrafficObserver(TrafficCounters& traffic, Statistics* statistics);
  /// Drain thread only.
  void observe(base::ByteView record);

 private:
  TrafficCounters& traffic_;
  Statistics* const statistics_;
  storage::LogEntryDecoder decoder_;
  std::string name_, client_, label_;
};

/// The label of blocky_response_total: as the reason, but with group names only, so that rules cannot multiply series.
void reason_label(base::ByteView record, std::string_view reason, std::string& out);

}  // namespace rampart::control
