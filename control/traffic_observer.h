// Feeds metrics and statistics from the query log's records: everything that needs texts is counted on the drain
// thread, so a worker never builds a label.
#pragma once

#include <array>
#include <cstdint>
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
  /// The last label of a reason, and what it was made of: mostly the next is of the same.
  struct Label {
    std::uint8_t match_count = 0;
    std::string detail;
    std::string text;  ///< empty: none was made yet
  };
  const std::string& label_of(const storage::QueryEventView& event);

  std::array<Label, storage::kReasonCount> labels_;
  std::string client_, joined_;
};

/// The label of blocky_response_total: as the reason, but with group names only, so that rules cannot multiply series.
void reason_label(const storage::QueryEventView& event, std::string& out);

}  // namespace rampart::control
