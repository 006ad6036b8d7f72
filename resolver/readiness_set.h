// Many descriptors of a library behind one Asio wait, for reading and writing: an epoll set of our own,
// level-triggered, is the one descriptor that Asio watches, so that watching a socket involves no Asio object.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <cstdint>
#include <functional>
#include <memory>

namespace rampart::resolver {

class ReadinessSet {
 public:
  /// `on_ready(tag, epoll events)` runs in the loop. A tag must stay valid for as long as the set lives: events
  /// of a descriptor removed in the same batch may still arrive.
  ReadinessSet(boost::asio::io_context& io, std::function<void(void* tag, std::uint32_t events)> on_ready);
  ~ReadinessSet();
  ReadinessSet(const ReadinessSet&) = delete;
  ReadinessSet& operator=(const ReadinessSet&) = delete;

  /// Watches `fd` for `events` (EPOLLIN, EPOLLOUT); on a watched one: replaces what it waits for.
  /// false with errno set if the kernel refuses.
  [[nodiscard]] bool watch(int fd, std::uint32_t events, void* tag) noexcept;
  void forget(int fd) noexcept;

 private:
  void wait();
  void dispatch();

  boost::asio::posix::basic_stream_descriptor<boost::asio::io_context::executor_type> epoll_;
  std::function<void(void*, std::uint32_t)> on_ready_;
  bool is_waiting_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace rampart::resolver
