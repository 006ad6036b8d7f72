// Readiness of a descriptor, told by Asio's reactor each time without being armed again. The wait that Asio offers
// costs a system call and an operation for each readiness; here the operation stays in the descriptor's queue, as
// that of Asio's own signal pipe does. This stands on `asio::detail`: about this file alone a new Boost may have an
// opinion, and says so when it is compiled.
//
// Edge-triggered: who is called reads until the kernel has nothing left (a batch that comes back less than full),
// or sees to it that it is called again.
#pragma once

#include <boost/asio/detail/epoll_reactor.hpp>
#include <boost/asio/detail/reactor_op.hpp>
#include <boost/asio/detail/scheduler.hpp>
#include <boost/asio/io_context.hpp>

#include <cerrno>
#include <stdexcept>

namespace rampart::resolver {

/// How an io_context is made whose sockets and timers belong to the one thread that runs it; posting to it stays
/// open to all. Locks would be held while a StandingRead is told.
inline constexpr int kOwnThreadOnly = BOOST_ASIO_CONCURRENCY_HINT_UNSAFE_IO;

class StandingRead : private boost::asio::detail::reactor_op {
 public:
  using OnReadable = void (*)(StandingRead& self) noexcept;

  explicit StandingRead(OnReadable on_readable) noexcept
      : reactor_op({}, &StandingRead::perform, &StandingRead::complete), on_readable_(on_readable) {}
  ~StandingRead() { end(); }
  StandingRead(const StandingRead&) = delete;
  StandingRead& operator=(const StandingRead&) = delete;

  /// Calls on_readable in the loop of `io` whenever something arrives at `fd`, and at once if something is there.
  /// `io` lives longer, and was made with kOwnThreadOnly (else throws). false, errno set: the kernel refuses.
  [[nodiscard]] bool begin(boost::asio::io_context& io, int fd) {
    using Scheduler = boost::asio::detail::scheduler;
    using Reactor = boost::asio::detail::epoll_reactor;
    if (boost::asio::use_service<Scheduler>(io).concurrency_hint() != kOwnThreadOnly)
      throw std::logic_error("StandingRead needs an io_context without locks around its descriptors");
    reactor_ = &boost::asio::use_service<Reactor>(io);
    reactor_->init_task();
    fd_ = fd;
    const int error = reactor_->register_internal_descriptor(Reactor::read_op, fd, data_, this);
    if (error == 0) return true;
    end();
    errno = error;
    return false;
  }
  [[nodiscard]] bool has_begun() const noexcept { return data_ != nullptr; }
  /// Before `fd` is closed. May be called by on_readable itself.
  void end() noexcept {
    if (data_ == nullptr) return;
    reactor_->deregister_internal_descriptor(fd_, data_);
    reactor_->cleanup_descriptor_data(data_);
    data_ = nullptr;
  }

 private:
  static status perform(reactor_op* self) {
    auto& read = *static_cast<StandingRead*>(self);
    read.on_readable_(read);
    return not_done;  // so it stays in the queue
  }
  static void complete(void*, boost::asio::detail::operation*, const boost::system::error_code&, std::size_t) {}

  const OnReadable on_readable_;
  int fd_ = -1;
  boost::asio::detail::epoll_reactor* reactor_ = nullptr;
  boost::asio::detail::epoll_reactor::per_descriptor_data data_ = nullptr;
};

}  // namespace rampart::resolver
