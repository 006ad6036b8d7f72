// How a slow thread hands a whole new state to fast ones: it publishes an immutable object; each reader notices
// by one relaxed load between two batches of work, and only then takes the lock to fetch it. Old objects are kept until
// their last user has let go, and destroyed by whoever asks for them: readers never pay for that, however large they are.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace rampart::base {

template <class T>
class Published {
 public:
  /// Any thread. Readers see the whole object or none of it.
  void publish(std::shared_ptr<const T> next) {
    const std::lock_guard lock(mutex_);
    if (current_) retired_.push_back(std::move(current_));
    current_ = std::move(next);
    version_.fetch_add(1, std::memory_order_release);
  }

  /// Former objects that nobody else holds any more, for the caller to destroy. To be asked now and then.
  [[nodiscard]] std::vector<std::shared_ptr<const T>> take_unused() {
    std::vector<std::shared_ptr<const T>> unused;
    const std::lock_guard lock(mutex_);
    std::erase_if(retired_, [&unused](std::shared_ptr<const T>& old) {
      if (old.use_count() > 1) return false;
      unused.push_back(std::move(old));
      return true;
    });
    return unused;
  }
  /// Former objects that are not destroyed yet.
  [[nodiscard]] std::size_t retired() const {
    const std::lock_guard lock(mutex_);
    return retired_.size();
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
  std::shared_ptr<const T> current_;               // guarded by mutex_
  std::vector<std::shared_ptr<const T>> retired_;  // guarded by mutex_; only users of old hold them beside us
  std::atomic<std::uint64_t> version_{0};
};

}  // namespace rampart::base
