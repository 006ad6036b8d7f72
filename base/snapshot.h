// How a slow thread hands a whole new state to fast ones: it publishes an immutable object; each reader notices
// by one relaxed load between two batches of work, and only then takes the lock to fetch it. The old object is
// freed when its last user lets go.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

namespace rampart::base {

template <class T>
class Published {
 public:
  /// Any thread. Readers see the whole object or none of it.
  void publish(std::shared_ptr<const T> next) {
    std::shared_ptr<const T> previous;  // destroyed after the lock is released: it may be large
    const std::lock_guard lock(mutex_);
    previous = std::move(current_);
    current_ = std::move(next);
    version_.fetch_add(1, std::memory_order_release);
  }

  [[nodiscard]] std::shared_ptr<const T> current() const {
    const std::lock_guard lock(mutex_);
    return current_;
  }

  /// One reader thread's copy.
  class Reader {
   public:
    explicit Reader(const Published& source) : source_(&source) {}
    /// Fetches a newer object if there is one; true if the held object changed.
    bool refresh() {
      const std::uint64_t version = source_->version_.load(std::memory_order_acquire);
      if (version == seen_) return false;
      held_ = source_->current();
      seen_ = version;
      return true;
    }
    [[nodiscard]] const std::shared_ptr<const T>& held() const noexcept { return held_; }

   private:
    const Published* source_;
    std::uint64_t seen_ = 0;
    std::shared_ptr<const T> held_;
  };

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const T> current_;  // guarded by mutex_
  std::atomic<std::uint64_t> version_{0};
};

}  // namespace rampart::base
