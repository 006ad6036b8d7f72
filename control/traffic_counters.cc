#include "control/traffic_counters.h"

namespace rampart::control {
namespace {

/// Blocky's label of the duration histogram for queries that ended in an error.
constexpr std::string_view kErrorDurationLabel = "err";

std::string_view next_part(std::string_view& rest) {
  const std::size_t end = rest.find('\0');
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  return part;
}

}  // namespace

void TrafficCounters::count(Table& table, std::string_view a, std::string_view b, std::string_view c) {
  key_.assign(a.substr(0, kLabelBytesMax));
  key_.push_back('\0');
  key_.append(b);
  key_.push_back('\0');
  key_.append(c);
  if (const auto found = table.find(key_); found != table.end()) {
    ++found->second;
    return;
  }
  if (table.size() >= kTrafficSeriesMax && a != kOtherLabel) {
    ++folded_;
    count(table, kOtherLabel, b, c);
    return;
  }
  table.emplace(key_, 1);
}

void TrafficCounters::record(const StatSample& sample) {
  const std::lock_guard lock(mutex_);
  if (sample.response_type == storage::ResponseType::kDropped) return;  // has its own counter by protocol
  count(queries_, sample.client, sample.query_type, {});
  const double seconds = sample.duration_us / 1e6;
  std::string_view duration_label = storage::to_text(sample.response_type);
  if (sample.response_type == storage::ResponseType::kError) {
    ++errors_;
    duration_label = kErrorDurationLabel;
  } else {
    count(responses_, sample.reason_label, sample.return_code, duration_label);
  }
  auto found = durations_.find(duration_label);
  if (found == durations_.end()) found = durations_.emplace(duration_label, DurationHistogram{}).first;
  found->second.add(seconds);
}

void TrafficCounters::fill(MetricsSnapshot& snapshot) const {
  const std::lock_guard lock(mutex_);
  snapshot.queries.clear();
  snapshot.responses.clear();
  snapshot.durations.clear();
  snapshot.queries.reserve(queries_.size());
  for (const auto& [key, n] : queries_) {
    std::string_view rest = key;
    const std::string_view client = next_part(rest);
    snapshot.queries.push_back({std::string(client), std::string(next_part(rest)), n});
  }
  snapshot.responses.reserve(responses_.size());
  for (const auto& [key, n] : responses_) {
    std::string_view rest = key;
    const std::string_view reason = next_part(rest);
    const std::string_view code = next_part(rest);
    snapshot.responses.push_back({std::string(reason), std::string(code), std::string(next_part(rest)), n});
  }
  for (const auto& [label, histogram] : durations_) snapshot.durations.emplace(label, histogram);
  snapshot.errors = errors_;
}

std::uint64_t TrafficCounters::folded() const {
  const std::lock_guard lock(mutex_);
  return folded_;
}

}  // namespace rampart::control
