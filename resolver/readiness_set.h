// Many descriptors behind one Asio wait. Asio re-arms the kernel's interest on every async_wait, and passes its own
// scheduler between two events; here an epoll set of our own, level-triggered, is the one descriptor that Asio
// watches. A worker keeps all its datagram sockets in one set: while they are busy it stays with them for a moment
// (kLingerMax) instead of going through Asio for each event, which costs two system calls less for each batch.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <cstdint>
#include <functional>
#include <memory>

#include "base/time.h"

namespace rampart::resolver {

/// Who wants to know that a descriptor is ready.
class ReadyHandler {
 public:
  virtual void on_ready(std::uint32_t events) noexcept = 0;  ///< epoll events

 protected:
  ~ReadyHandler() = default;
};

class ReadinessSet {
 public:
  /// While events follow each other closely the rest of the loop (timers, TCP, posted tasks) waits this long for
  /// its turn at most.
  static constexpr base::Duration kLingerMax = std::chrono::milliseconds(1);

  /// Tags are ReadyHandler pointers. `may_linger()` says, in the loop, whether nothing else of the loop is in a hurry.
  ReadinessSet(boost::asio::io_context& io, std::function<bool()> may_linger);
  /// `on_ready(tag, epoll events)` runs in the loop; this set never lingers. A tag must stay valid for as long as
  /// the set lives: events of a descriptor removed in the same batch may still arrive.
  ReadinessSet(boost::asio::io_context& io, std::function<void(void* tag, std::uint32_t events)> on_ready);
  ~ReadinessSet();
  ReadinessSet(const ReadinessSet&) = delete;
  ReadinessSet& operator=(const ReadinessSet&) = delete;

  /// Watches `fd` for `events` (EPOLLIN, EPOLLOUT); on a watched one: replaces what it waits for.
  /// false with errno set if the kernel refuses.
  [[nodiscard]] bool watch(int fd, std::uint32_t events, void* tag) noexcept;
  [[nodiscard]] bool watch(int fd, std::uint32_t events, ReadyHandler& handler) noexcept {
    return watch(fd, events, static_cast<void*>(&handler));
  }
  void forget(int fd) noexcept;

 private:
  void wait();
  void dispatch();

  boost::asio::posix::stream_descriptor epoll_;
  std::function<void(void*, std::uint32_t)> on_ready_;
  std::function<bool()> may_linger_;
  bool is_waiting_ = false;
  base::Instant left_at_{};  ///< when dispatch() last ended
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace rampart::resolver
