#include "control/statistics.h"

#include <algorithm>
#include <utility>

#include "control/utf8_prefix.h"

namespace rampart::control {
namespace {

using storage::ResponseType;

/// Distinct names followed within the running hour. A sketch this size loses nothing that could reach the top 20
/// of an hour unless it has fewer than 1/4096 of the hour's queries.
constexpr std::size_t kTrackedRunning = 4096;
/// Names kept of an hour that is over (as Blocky keeps).
constexpr std::size_t kTrackedClosed = 200;
/// Query types, response codes and response types are small sets; a client cannot make more keys than this.
constexpr std::size_t kCodesMax = 256;
/// Names and clients are told apart by so many octets. A name of 255 octets has more only if most of it is escapes.
constexpr std::size_t kTextBytesMax = 255;
/// For memory_bytes(): a text that took the place of a shorter one may have twice its room; a counter; its places
/// in heap and index.
constexpr std::size_t kEntryBytes = 2 * (kTextBytesMax + 1) + 64 + 64;

std::int64_t hour_of(base::WallTime t) {
  return std::chrono::floor<std::chrono::hours>(t).time_since_epoch().count();
}

base::WallTime start_of(std::int64_t hour) { return base::WallTime(std::chrono::hours(hour)); }

/// Counts of a small set of texts. The usual ones move to the front, where a look-up ends at once.
class Codes {
 public:
  void add(std::string_view key) {
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      if (counts_[i].name != key) continue;
      ++counts_[i].count;
      if (i > 0 && counts_[i].count > counts_[i - 1].count) std::swap(counts_[i], counts_[i - 1]);
      return;
    }
    if (counts_.size() < kCodesMax) counts_.push_back({std::string(key), 1});
    else ++other_;
  }
  void add_to(std::map<std::string, std::uint64_t>& sums) const {
    for (const NamedCount& one : counts_) sums[one.name] += one.count;
    if (other_ > 0) sums["(other)"] += other_;
  }

 private:
  std::vector<NamedCount> counts_;
  std::uint64_t other_ = 0;
};

/// Reports what was surely seen (count minus possible error), so that no name is shown higher than it is.
std::vector<NamedCount> named(const TopK& sketch) {
  std::vector<NamedCount> out;
  for (auto& entry : sketch.top(sketch.size())) {
    if (entry.count > entry.error) out.push_back({std::move(entry.name), entry.count - entry.error});
  }
  std::sort(out.begin(), out.end(), [](const NamedCount& a, const NamedCount& b) {
    return a.count != b.count ? a.count > b.count : a.name < b.name;
  });
  if (out.size() > kStatsTop) out.resize(kStatsTop);
  return out;
}

}  // namespace

struct Statistics::Slot {
  std::int64_t hour = -1;
  std::uint64_t queries = 0, cached = 0, forwarded = 0, blocked = 0, filtered = 0, local = 0, dropped = 0, errors = 0;
  std::uint64_t duration_us = 0, timed = 0;
  Codes types, codes;
  std::array<std::uint64_t, storage::kResponseTypeCount> response_types{};
  TopK names{kTrackedRunning}, blocked_names{kTrackedRunning}, clients{kTrackedRunning};

  void close() {
    names.shrink(kTrackedClosed);
    blocked_names.shrink(kTrackedClosed);
    clients.shrink(kTrackedClosed);
  }
  void add(const StatSample& s);
};

void Statistics::Slot::add(const StatSample& s) {
  ++queries;
  clients.add(utf8_prefix(s.client, kTextBytesMax));
  ++response_types[static_cast<std::size_t>(s.response_type)];
  if (s.response_type == ResponseType::kDropped) {  // attributed to the client only
    ++dropped;
    return;
  }
  switch (s.response_type) {
    case ResponseType::kBlocked:
    case ResponseType::kRebind: ++blocked; break;
    case ResponseType::kFiltered:
    case ResponseType::kNotFqdn: ++filtered; break;
    case ResponseType::kResolved:
    case ResponseType::kConditional: ++forwarded; break;
    case ResponseType::kCached: ++cached; break;
    case ResponseType::kCustomDns:
    case ResponseType::kHostsFile:
    case ResponseType::kSpecial:
    case ResponseType::kSynthesized: ++local; break;
    case ResponseType::kBogus:
    case ResponseType::kError: ++errors; break;
    case ResponseType::kDropped: break;
  }
  if (!s.query_type.empty()) types.add(s.query_type);
  if (!s.return_code.empty()) codes.add(s.return_code);
  if (!s.name.empty()) {
    const std::string_view name = utf8_prefix(s.name, kTextBytesMax);
    names.add(name);
    if (s.response_type == ResponseType::kBlocked || s.response_type == ResponseType::kRebind) {
      blocked_names.add(name);
    }
  }
  if (s.response_type != ResponseType::kError) {
    duration_us += s.duration_us;
    ++timed;
  }
}

Statistics::Statistics() = default;
Statistics::~Statistics() = default;

Statistics::Slot& Statistics::slot_for(std::int64_t hour) {
  auto& place = slots_[static_cast<std::size_t>(hour) % slots_.size()];
  if (!place || place->hour != hour) {
    place = std::make_unique<Slot>();
    place->hour = hour;
  }
  return *place;
}

void Statistics::record(const StatSample& sample) {
  const std::lock_guard lock(mutex_);
  slot_at(sample.time).add(sample);  // a late event of a closed hour still finds its (shrunken) slot
}

void Statistics::record_drops(base::WallTime time, std::uint64_t drops) {
  const std::lock_guard lock(mutex_);
  Slot& slot = slot_at(time);
  slot.queries += drops;
  slot.dropped += drops;
  slot.response_types[static_cast<std::size_t>(ResponseType::kDropped)] += drops;
}

// With mutex_.
Statistics::Slot& Statistics::slot_at(base::WallTime time) {
  const std::int64_t hour = std::max<std::int64_t>(hour_of(time), 0);
  if (hour > newest_hour_) {
    auto& last = slots_[static_cast<std::size_t>(newest_hour_) % slots_.size()];
    if (last && last->hour == newest_hour_) last->close();
    newest_hour_ = hour;
  }
  if (hour + static_cast<std::int64_t>(kStatsHours) < newest_hour_) newest_hour_ = hour;  // the clock was set back
  return slot_for(hour);
}

StatsReport Statistics::report(base::WallTime now) const {
  StatsReport out;
  const std::int64_t last = hour_of(now);
  const std::int64_t first = last - static_cast<std::int64_t>(kStatsHours) + 1;
  out.start = start_of(first);
  out.end = now;

  const std::size_t merged_size = kTrackedRunning;
  TopK names(merged_size), blocked_names(merged_size), clients(merged_size);
  std::uint64_t duration_us = 0, timed = 0;
  const std::lock_guard lock(mutex_);
  for (std::int64_t hour = first; hour <= last; ++hour) {
    StatsReport::Hour& row = out.per_hour.emplace_back();
    row.hour = start_of(hour);
    const auto& slot = slots_[static_cast<std::size_t>(std::max<std::int64_t>(hour, 0)) % slots_.size()];
    if (!slot || slot->hour != hour) continue;
    row.queries = slot->queries;
    row.blocked = slot->blocked;
    row.filtered = slot->filtered;
    out.queries += slot->queries;
    out.cached += slot->cached;
    out.forwarded += slot->forwarded;
    out.blocked += slot->blocked;
    out.filtered += slot->filtered;
    out.local += slot->local;
    out.dropped += slot->dropped;
    out.errors += slot->errors;
    duration_us += slot->duration_us;
    timed += slot->timed;
    slot->types.add_to(out.by_query_type);
    slot->codes.add_to(out.by_response_code);
    for (std::size_t i = 0; i < slot->response_types.size(); ++i) {
      if (slot->response_types[i] > 0)
        out.by_response_type[std::string(storage::to_text(static_cast<ResponseType>(i)))] += slot->response_types[i];
    }
    names.merge(slot->names);
    blocked_names.merge(slot->blocked_names);
    clients.merge(slot->clients);
  }
  out.average_response_ms = timed == 0 ? 0 : static_cast<double>(duration_us) / static_cast<double>(timed) / 1000.0;
  const std::uint64_t cacheable = out.cached + out.forwarded;
  out.cache_hit_rate = cacheable == 0 ? 0 : static_cast<double>(out.cached) / static_cast<double>(cacheable);
  out.top_domains = named(names);
  out.top_blocked_domains = named(blocked_names);
  out.top_clients = named(clients);
  return out;
}

std::size_t Statistics::memory_bytes() const {
  constexpr std::size_t kSketches = 3;
  return kSketches * kEntryBytes * (kTrackedRunning + kStatsHours * kTrackedClosed) +
         (kStatsHours + 1) * 2 * kCodesMax * 96;
}

}  // namespace rampart::control
