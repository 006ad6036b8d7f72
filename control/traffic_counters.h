// The counters whose labels are names: blocky_query_total{client,type}, blocky_response_total{reason,...} and the
// duration histogram. A worker cannot count them without building texts, so they are counted where the texts exist
// anyway: by the log writer, from decoded query events. Bounded: when kTrafficSeriesMax label sets of a family are
// in use, further ones are counted under the label kOtherLabel, so that sums stay right.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "control/metrics.h"
#include "control/statistics.h"

namespace rampart::control {

inline constexpr std::size_t kTrafficSeriesMax = 4096;
inline constexpr std::string_view kOtherLabel = "(other)";

class TrafficCounters {
 public:
  /// Thread: any; one short lock, never taken by a worker.
  void record(const StatSample& sample);
  /// Fills queries, responses, durations and errors.
  void fill(MetricsSnapshot& snapshot) const;
  /// Samples counted under kOtherLabel.
  [[nodiscard]] std::uint64_t folded() const;

 private:
  /// Counts by label values joined by '\0', with a short way to those that came lately: building the key costs more
  /// than all the rest.
  class Table {
   public:
    using Counts = std::unordered_map<std::string, std::uint64_t>;
    /// The count of these values if it is at hand, or null.
    [[nodiscard]] std::uint64_t* recall(std::string_view a, std::string_view b, std::string_view c) noexcept;
    [[nodiscard]] Counts& counts() noexcept { return counts_; }
    [[nodiscard]] const Counts& counts() const noexcept { return counts_; }
    void remember(Counts::value_type& series, std::string_view a, std::string_view b, std::string_view c) noexcept {
      recent_[place(a, b, c)] = &series;
    }

   private:
    static std::size_t place(std::string_view a, std::string_view b, std::string_view c) noexcept;
    Counts counts_;  ///< its nodes stay where they are
    std::array<Counts::value_type*, 256> recent_{};
  };
  void count(Table& table, std::string_view a, std::string_view b, std::string_view c);

  mutable std::mutex mutex_;
  Table queries_, responses_;
  std::array<DurationHistogram, storage::kResponseTypeCount> durations_;
  std::array<bool, storage::kResponseTypeCount> has_duration_{};
  std::uint64_t errors_ = 0, folded_ = 0;
  std::string key_;  ///< reused between calls
};

}  // namespace rampart::control
