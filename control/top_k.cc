#include "control/top_k.h"

#include <algorithm>
#include <utility>

namespace rampart::control {

void TopK::add(std::string_view name, std::uint64_t times) {
  if (times == 0 || capacity_ == 0) return;
  if (const auto found = index_.find(name); found != index_.end()) {
    heap_[found->second].count += times;
    sift_down(found->second);
    return;
  }
  if (heap_.size() < capacity_) {
    heap_.push_back({std::string(name), times, 0});
    index_.emplace(heap_.back().name, heap_.size() - 1);
    sift_up(heap_.size() - 1);
    return;
  }
  // The smallest counter is taken over; its count becomes the newcomer's possible error.
  Entry& smallest = heap_.front();
  auto node = index_.extract(smallest.name);
  smallest.error = smallest.count;
  smallest.count += times;
  smallest.name.assign(name);
  node.key() = smallest.name;
  index_.insert(std::move(node));
  sift_down(0);
}

void TopK::merge(const TopK& other) {
  // A name that the other sketch does not hold may have occurred there up to its smallest count.
  const bool other_full = other.heap_.size() == other.capacity_ && !other.heap_.empty();
  const bool this_full = heap_.size() == capacity_ && !heap_.empty();
  const std::uint64_t other_floor = other_full ? other.heap_.front().count : 0;
  const std::uint64_t this_floor = this_full ? heap_.front().count : 0;

  std::unordered_map<std::string_view, Entry> sum;
  sum.reserve(heap_.size() + other.heap_.size());
  for (const Entry& e : heap_) {
    Entry merged = e;
    if (!other.index_.contains(e.name)) {
      merged.count += other_floor;
      merged.error += other_floor;
    }
    sum.emplace(e.name, std::move(merged));
  }
  for (const Entry& e : other.heap_) {
    if (const auto found = sum.find(e.name); found != sum.end()) {
      found->second.count += e.count;
      found->second.error += e.error;
    } else {
      sum.emplace(e.name, Entry{e.name, e.count + this_floor, e.error + this_floor});
    }
  }
  std::vector<Entry> all;
  all.reserve(sum.size());
  for (auto& [name, entry] : sum) all.push_back(std::move(entry));
  const auto higher = [](const Entry& a, const Entry& b) {
    return a.count != b.count ? a.count > b.count : a.name < b.name;
  };
  const std::size_t keep = std::min(all.size(), capacity_);
  std::partial_sort(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(keep), all.end(), higher);
  all.resize(keep);
  std::reverse(all.begin(), all.end());  // ascending order is a valid min-heap
  index_.clear();
  heap_ = std::move(all);
  for (std::size_t i = 0; i < heap_.size(); ++i) index_.emplace(heap_[i].name, i);
}

std::vector<TopK::Entry> TopK::top(std::size_t n) const {
  std::vector<Entry> out = heap_;
  const std::size_t keep = std::min(n, out.size());
  std::partial_sort(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(keep), out.end(),
                    [](const Entry& a, const Entry& b) {
                      return a.count != b.count ? a.count > b.count : a.name < b.name;
                    });
  out.resize(keep);
  return out;
}

void TopK::shrink(std::size_t n) {
  if (heap_.size() <= n) return;
  std::vector<Entry> kept = top(n);
  std::reverse(kept.begin(), kept.end());
  heap_ = std::move(kept);
  heap_.shrink_to_fit();
  decltype(index_) fresh;
  for (std::size_t i = 0; i < heap_.size(); ++i) fresh.emplace(heap_[i].name, i);
  index_ = std::move(fresh);
  capacity_ = n;
}

void TopK::place(std::size_t at, Entry entry) {
  heap_[at] = std::move(entry);
  index_.find(heap_[at].name)->second = at;
}

void TopK::sift_down(std::size_t at) {
  Entry moving = std::move(heap_[at]);
  for (;;) {
    std::size_t child = 2 * at + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1].count < heap_[child].count) ++child;
    if (heap_[child].count >= moving.count) break;
    place(at, std::move(heap_[child]));
    at = child;
  }
  place(at, std::move(moving));
}

void TopK::sift_up(std::size_t at) {
  Entry moving = std::move(heap_[at]);
  while (at > 0) {
    const std::size_t parent = (at - 1) / 2;
    if (heap_[parent].count <= moving.count) break;
    place(at, std::move(heap_[parent]));
    at = parent;
  }
  place(at, std::move(moving));
}

}  // namespace rampart::control
