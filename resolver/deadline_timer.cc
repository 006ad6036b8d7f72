#include "resolver/deadline_timer.h"

namespace rampart::resolver {

DeadlineTimer::DeadlineTimer(boost::asio::io_context& io) : wheel_(base::monotonic_now()), timer_(io) {}

DeadlineTimer::~DeadlineTimer() { *alive_ = false; }

void DeadlineTimer::arm(Deadline& deadline, base::Instant at) noexcept {
  wheel_.arm(deadline, at);
  // Under load the next wake-up lies nearly always before a new deadline: no system call.
  if (!is_advancing_ && at < wake_at_) wake_at(wheel_.next_tick_or_max());
}

void DeadlineTimer::wake_at(base::Instant at) noexcept {
  wake_at_ = at;
  if (at == base::Instant::max()) return;
  timer_.expires_at(at);
  timer_.async_wait([this, alive = alive_](const boost::system::error_code& error) {
    if (!error && *alive) on_wake();
  });
}

void DeadlineTimer::on_wake() noexcept {
  const base::Instant now = base::monotonic_now();
  is_advancing_ = true;
  wheel_.advance(now, [now](base::TimerEntry& entry) {
    auto& deadline = static_cast<Deadline&>(entry);
    deadline.expired(deadline, now);
  });
  is_advancing_ = false;
  wake_at(wheel_.next_tick_or_max());
}

}  // namespace rampart::resolver
