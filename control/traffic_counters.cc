#include "control/traffic_counters.h"

#include "control/utf8_prefix.h"

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

/// Whether `key` is `a`, `b` and `c` joined.
bool is_joined(std::string_view key, std::string_view a, std::string_view b, std::string_view c) noexcept {
  return key.size() == a.size() + b.size() + c.size() + 2 && key.starts_with(a) && key[a.size()] == '\0' &&
         key.substr(a.size() + 1).starts_with(b) && key[a.size() + 1 + b.size()] == '\0' && key.ends_with(c);
}

}  // namespace

std::size_t TrafficCounters::Table::place(std::string_view a, std::string_view b, std::string_view c) noexcept {
  // Ends of texts differ most: addresses of one network, upstreams of one port.
  std::size_t h = a.size() * 31 + b.size() * 7 + c.size();
  for (std::size_t i = 0; i < 4 && i < a.size(); ++i) h = h * 33 + static_cast<unsigned char>(a[a.size() - 1 - i]);
  if (!b.empty()) h = h * 33 + static_cast<unsigned char>(b[0]);
  return (h ^ (h >> 8)) % 256;
}

std::uint64_t* TrafficCounters::Table::recall(std::string_view a, std::string_view b, std::string_view c) noexcept {
  Counts::value_type* series = recent_[place(a, b, c)];
  return series != nullptr && is_joined(series->first, a, b, c) ? &series->second : nullptr;
}

void TrafficCounters::count(Table& table, std::string_view a, std::string_view b, std::string_view c) {
  a = utf8_prefix(a, kLabelBytesMax);  // half a character would make two series of one label
  if (std::uint64_t* known = table.recall(a, b, c)) {
    ++*known;
    return;
  }
  key_.assign(a);
  key_.push_back('\0');
  key_.append(b);
  key_.push_back('\0');
  key_.append(c);
  auto found = table.counts().find(key_);
  if (found == table.counts().end()) {
    if (table.counts().size() >= kTrafficSeriesMax && a != kOtherLabel) {
      ++folded_;
      return count(table, kOtherLabel, b, c);
    }
    found = table.counts().emplace(key_, 0).first;
  }
  ++found->second;
  table.remember(*found, a, b, c);
}

void TrafficCounters::record(const StatSample& sample) {
  const std::lock_guard lock(mutex_);
  if (sample.response_type == storage::ResponseType::kDropped) return;  // has its own counter by protocol
  count(queries_, sample.client, sample.query_type, {});
  const double seconds = sample.duration_us / 1e6;
  if (sample.response_type == storage::ResponseType::kError) {
    ++errors_;
  } else {
    count(responses_, sample.reason_label, sample.return_code, storage::to_text(sample.response_type));
  }
  const auto type = static_cast<std::size_t>(sample.response_type);
  has_duration_[type] = true;
  durations_[type].add(seconds);
}

void TrafficCounters::fill(MetricsSnapshot& snapshot) const {
  const std::lock_guard lock(mutex_);
  snapshot.queries.clear();
  snapshot.responses.clear();
  snapshot.durations.clear();
  snapshot.queries.reserve(queries_.counts().size());
  for (const auto& [key, n] : queries_.counts()) {
    std::string_view rest = key;
    const std::string_view client = next_part(rest);
    snapshot.queries.push_back({std::string(client), std::string(next_part(rest)), n});
  }
  snapshot.responses.reserve(responses_.counts().size());
  for (const auto& [key, n] : responses_.counts()) {
    std::string_view rest = key;
    const std::string_view reason = next_part(rest);
    const std::string_view code = next_part(rest);
    snapshot.responses.push_back({std::string(reason), std::string(code), std::string(next_part(rest)), n});
  }
  for (std::size_t i = 0; i < durations_.size(); ++i) {
    if (!has_duration_[i]) continue;
    const auto type = static_cast<storage::ResponseType>(i);
    snapshot.durations.emplace(
        type == storage::ResponseType::kError ? kErrorDurationLabel : storage::to_text(type), durations_[i]);
  }
  snapshot.errors = errors_;
}

std::uint64_t TrafficCounters::folded() const {
  const std::lock_guard lock(mutex_);
  return folded_;
}

}  // namespace rampart::control
