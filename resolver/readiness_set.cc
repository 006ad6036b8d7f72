#include "resolver/readiness_set.h"

#include <sys/epoll.h>

#include <cerrno>
#include <system_error>

namespace rampart::resolver {
namespace {

constexpr int kEventsPerRound = 64;
constexpr int kRoundsMax = 4;  ///< then other work of the loop gets its turn

}  // namespace

ReadinessSet::ReadinessSet(boost::asio::io_context& io, std::function<void(void*, std::uint32_t)> on_ready)
    : epoll_(io), on_ready_(std::move(on_ready)) {
  const int fd = epoll_create1(EPOLL_CLOEXEC);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "epoll_create1");
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
  for (int round = 0; round < kRoundsMax; ++round) {
    const int count = epoll_wait(epoll_.native_handle(), events, kEventsPerRound, 0);
    for (int i = 0; i < count; ++i) {
      on_ready_(events[i].data.ptr, events[i].events);
      if (!*alive) return;
    }
    if (count < kEventsPerRound) return;
  }
}

}  // namespace rampart::resolver
