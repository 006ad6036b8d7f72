#include "resolver/readiness_set.h"

#include <sys/epoll.h>

#include <cerrno>
#include <ctime>
#include <system_error>

namespace rampart::resolver {
namespace {

constexpr int kEventsPerRound = 64;
constexpr int kRoundsMax = 4;  ///< without lingering; then other work of the loop gets its turn
/// Events this close to each other are worth waiting for.
constexpr base::Duration kBusyGap = std::chrono::microseconds(500);

/// epoll_wait with a deadline finer than a millisecond.
int wait_for_events(int set, epoll_event* events, base::Duration at_most) noexcept {
  if (at_most <= base::Duration::zero()) return epoll_wait(set, events, kEventsPerRound, 0);
  const timespec timeout{0, static_cast<long>(at_most.count())};
  return epoll_pwait2(set, events, kEventsPerRound, &timeout, nullptr);
}

}  // namespace

ReadinessSet::ReadinessSet(boost::asio::io_context& io, std::function<bool()> may_linger)
    : ReadinessSet(io, [](void* tag, std::uint32_t events) { static_cast<ReadyHandler*>(tag)->on_ready(events); }) {
  may_linger_ = std::move(may_linger);
}

ReadinessSet::ReadinessSet(boost::asio::io_context& io, std::function<void(void*, std::uint32_t)> on_ready)
    : epoll_(io), on_ready_(std::move(on_ready)) {
  const int fd = epoll_create1(EPOLL_CLOEXEC);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1 for upstream sockets");
  epoll_.assign(fd);
}

ReadinessSet::~ReadinessSet() { *alive_ = false; }

bool ReadinessSet::watch(int fd, std::uint32_t events, void* tag) noexcept {
  epoll_event event{};
  event.events = events;
  event.data.ptr = tag;
  const int set = epoll_.native_handle();
  if (epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) != 0 &&
      (errno != EEXIST || epoll_ctl(set, EPOLL_CTL_MOD, fd, &event) != 0))
    return false;
  if (!is_waiting_) wait();
  return true;
}

void ReadinessSet::forget(int fd) noexcept { epoll_ctl(epoll_.native_handle(), EPOLL_CTL_DEL, fd, nullptr); }

void ReadinessSet::wait() {
  is_waiting_ = true;
  epoll_.async_wait(boost::asio::posix::descriptor_base::wait_read,
                    [this, alive = alive_](const boost::system::error_code& error) {
                      if (error || !*alive) return;
                      dispatch();
                      if (*alive) wait();
                    });
}

void ReadinessSet::dispatch() {
  const std::shared_ptr<bool> alive = alive_;
  epoll_event events[kEventsPerRound];
  base::Instant now = base::monotonic_now();
  const bool lingers = may_linger_ && now - left_at_ < kBusyGap && may_linger_();
  const base::Instant until = now + kLingerMax;
  for (int round = 0; lingers || round < kRoundsMax; ++round) {
    const base::Duration at_most = lingers && round > 0 ? until - now : base::Duration::zero();
    const int count = wait_for_events(epoll_.native_handle(), events, at_most);
    for (int i = 0; i < count; ++i) {
      on_ready_(events[i].data.ptr, events[i].events);
      if (!*alive) return;
    }
    if (count <= 0 || (!lingers && count < kEventsPerRound)) break;
    if (lingers && (now = base::monotonic_now()) >= until) break;
  }
  left_at_ = base::monotonic_now();
}

}  // namespace rampart::resolver
