#include "control/top_k.h"

#include <algorithm>
#include <bit>
#include <unordered_map>
#include <utility>

namespace rampart::control {
namespace {

constexpr std::size_t kIndexMin = 16;

std::uint64_t hash_of(std::string_view name) noexcept { return std::hash<std::string_view>{}(name); }

bool is_higher(const TopK::Entry& a, const TopK::Entry& b) noexcept {
  return a.count != b.count ? a.count > b.count : a.name < b.name;
}

}  // namespace

void TopK::add(std::string_view name, std::uint64_t times) {
  if (times == 0 || capacity_ == 0) return;
  if (index_.empty()) grow_index(0);
  const std::uint64_t hash = hash_of(name);
  const std::size_t place = find(name, hash);
  if (index_[place] != kNone) {
    Counter& known = counters_[index_[place]];
    known.count += times;
    sift_down(known.heap_at);
    return;
  }
  if (counters_.size() < capacity_) {
    const auto slot = static_cast<Slot>(counters_.size());
    counters_.push_back({{std::string(name), times, 0}, hash, heap_.size()});
    heap_.push_back(slot);
    if (counters_.size() * 2 > index_.size()) grow_index(counters_.size());
    else index_[place] = slot;
    sift_up(heap_.size() - 1);
    return;
  }
  // The smallest counter is taken over; its count becomes the newcomer's possible error.
  const Slot slot = heap_.front();
  Counter& smallest = counters_[slot];
  erase(find(smallest.name, smallest.hash));
  smallest.error = smallest.count;
  smallest.count += times;
  smallest.name.assign(name);
  smallest.hash = hash;
  insert(slot);
  sift_down(0);
}

void TopK::merge(const TopK& other) {
  // A name that the other sketch does not hold may have occurred there up to its smallest count.
  const auto floor_of = [](const TopK& sketch) {
    const bool is_full = sketch.size() == sketch.capacity_ && sketch.size() > 0;
    return is_full ? sketch.counters_[sketch.heap_.front()].count : 0;
  };
  const std::uint64_t other_floor = floor_of(other);
  const std::uint64_t this_floor = floor_of(*this);

  std::unordered_map<std::string_view, Entry> sum;
  sum.reserve(size() + other.size());
  for (const Counter& mine : counters_)
    sum.emplace(mine.name, Entry{mine.name, mine.count + other_floor, mine.error + other_floor});
  for (const Counter& theirs : other.counters_) {
    if (const auto found = sum.find(theirs.name); found != sum.end()) {
      found->second.count += theirs.count - other_floor;
      found->second.error += theirs.error - other_floor;
    } else {
      sum.emplace(theirs.name, Entry{theirs.name, theirs.count + this_floor, theirs.error + this_floor});
    }
  }
  std::vector<Entry> all;
  all.reserve(sum.size());
  for (auto& [name, entry] : sum) all.push_back(std::move(entry));
  const std::size_t keep = std::min(all.size(), capacity_);
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(keep), all.end(), is_higher);
  all.resize(keep);
  assign(std::move(all));
}

std::vector<TopK::Entry> TopK::top(std::size_t n) const {
  std::vector<Entry> out(counters_.begin(), counters_.end());
  const std::size_t keep = std::min(n, out.size());
  std::partial_sort(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(keep), out.end(), is_higher);
  out.resize(keep);
  return out;
}

void TopK::shrink(std::size_t n) {
  if (size() <= n) return;
  assign(top(n));
  capacity_ = n;
}

/// `entries`: highest first.
void TopK::assign(std::vector<Entry> entries) {
  std::vector<Counter> counters;
  counters.reserve(entries.size());
  for (Entry& entry : entries) {
    const std::uint64_t hash = hash_of(entry.name);
    counters.push_back({std::move(entry), hash, 0});
  }
  counters_ = std::move(counters);
  heap_.assign(counters_.size(), 0);
  heap_.shrink_to_fit();
  // Ascending order is a valid min-heap.
  for (std::size_t i = 0; i < heap_.size(); ++i) put(i, static_cast<Slot>(heap_.size() - 1 - i));
  grow_index(counters_.size());
}

// --- index ------------------------------------------------------------------------------------------------------

void TopK::grow_index(std::size_t counters) {
  // Room to double before the next time.
  index_.assign(std::max(kIndexMin, std::bit_ceil(counters * 4)), kNone);
  index_.shrink_to_fit();
  for (Slot slot = 0; slot < counters_.size(); ++slot) insert(slot);
}

std::size_t TopK::find(std::string_view name, std::uint64_t hash) const noexcept {
  const std::size_t mask = index_.size() - 1;
  std::size_t place = hash & mask;
  for (; index_[place] != kNone; place = (place + 1) & mask) {
    const Counter& there = counters_[index_[place]];
    if (there.hash == hash && there.name == name) break;
  }
  return place;
}

void TopK::insert(Slot slot) noexcept {
  const std::size_t mask = index_.size() - 1;
  std::size_t place = counters_[slot].hash & mask;
  while (index_[place] != kNone) place = (place + 1) & mask;
  index_[place] = slot;
}

/// Closes the gap, so that no probe ends too early.
void TopK::erase(std::size_t place) noexcept {
  const std::size_t mask = index_.size() - 1;
  for (std::size_t next = (place + 1) & mask; index_[next] != kNone; next = (next + 1) & mask) {
    const std::size_t home = counters_[index_[next]].hash & mask;
    if (((next - home) & mask) < ((next - place) & mask)) continue;  // it would come to lie before its home
    index_[place] = index_[next];
    place = next;
  }
  index_[place] = kNone;
}

// --- heap -------------------------------------------------------------------------------------------------------

void TopK::put(std::size_t at, Slot slot) noexcept {
  heap_[at] = slot;
  counters_[slot].heap_at = at;
}

void TopK::sift_down(std::size_t at) noexcept {
  const Slot moving = heap_[at];
  const std::uint64_t count = counters_[moving].count;
  for (;;) {
    std::size_t child = 2 * at + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && counters_[heap_[child + 1]].count < counters_[heap_[child]].count) ++child;
    if (counters_[heap_[child]].count >= count) break;
    put(at, heap_[child]);
    at = child;
  }
  put(at, moving);
}

void TopK::sift_up(std::size_t at) noexcept {
  const Slot moving = heap_[at];
  while (at > 0) {
    const std::size_t parent = (at - 1) / 2;
    if (counters_[heap_[parent]].count <= counters_[moving].count) break;
    put(at, heap_[parent]);
    at = parent;
  }
  put(at, moving);
}

}  // namespace rampart::control
