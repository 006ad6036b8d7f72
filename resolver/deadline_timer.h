// Deadlines of one worker: a timing wheel, and the one Asio timer that wakes it.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <memory>

#include "base/time.h"
#include "base/timing_wheel.h"

namespace rampart::resolver {

/// Something with a deadline; `expired` is called once when it has passed, and may arm it again.
struct Deadline : base::TimerEntry {
  using Expired = void (*)(Deadline&, base::Instant now) noexcept;
  explicit Deadline(Expired on_expired) noexcept : expired(on_expired) {}
  Expired expired;
};

class DeadlineTimer {
 public:
  explicit DeadlineTimer(boost::asio::io_context& io);
  ~DeadlineTimer();
  DeadlineTimer(const DeadlineTimer&) = delete;
  DeadlineTimer& operator=(const DeadlineTimer&) = delete;

  /// Sets or moves a deadline; it passes at the next tick of about 1 ms after `at`.
  void arm(Deadline& deadline, base::Instant at) noexcept;
  [[nodiscard]] auto get_executor() noexcept { return timer_.get_executor(); }
  void cancel(Deadline& deadline) noexcept { wheel_.cancel(deadline); }

 private:
  void wake_at(base::Instant at) noexcept;
  void on_wake() noexcept;

  base::TimingWheel wheel_;
  boost::asio::steady_timer timer_;
  base::Instant wake_at_ = base::Instant::max();  ///< when the Asio timer will fire
  bool is_advancing_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  ///< a completion may be queued when we go
};

}  // namespace rampart::resolver
