// Feeds metrics and statistics from the query log's records: everything that needs texts is counted on the drain
// thread, so a worker never builds a label.
#pragma once

#include <string>

#include "control/statistics.h"
#include "control/traffic_counters.h"
#include "storage/query_event_view.h"

namespace rampart::control {

class TrafficObserver {
 public:
  /// `statistics` may be null.
  TrafficObserver(TrafficCounters& traffic, Statistics* statistics);
  /// Drain thread only.
  void observe(const storage::QueryEventView& event, const storage::QueryEventTexts& texts);

 private:
  TrafficCounters& traffic_;
  Statistics* const statistics_;
  std::string client_, joined_, label_;
};

/// The label of blocky_response_total: as the reason, but with group names only, so that rules cannot multiply series.
void reason_label(const storage::QueryEventView& event, std::string& out);

}  // namespace rampart::control
