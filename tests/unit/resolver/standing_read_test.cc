#include "resolver/standing_read.h"

#include <boost/asio/executor_work_guard.hpp>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <functional>
#include <stdexcept>

namespace rampart::resolver {
namespace {

/// A pair of datagram sockets, the one waited for by a loop, which is run by hand.
struct Watched : StandingRead {
  explicit Watched(std::function<void()> f = [] {})
      : StandingRead([](StandingRead& self) noexcept {
          auto& watched = static_cast<Watched&>(self);
          ++watched.calls;
          watched.on_call();
        }),
        on_call(std::move(f)) {
    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends.data()) != 0)
      throw std::runtime_error("socketpair");
  }
  ~Watched() {
    end();
    for (const int fd : ends) close(fd);
  }
  void write() const { ASSERT_EQ(send(ends[1], "x", 1, 0), 1); }

  std::array<int, 2> ends{};
  int calls = 0;
  std::function<void()> on_call;
};

/// A loop that a call of poll() finds something to do in, though nothing but StandingReads wait.
struct Loop {
  boost::asio::io_context io{kOwnThreadOnly};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{io.get_executor()};
};

TEST(StandingRead, TellsOfWhatIsThereAndOfAllThatComesLater) {
  Loop loop;
  Watched watched;
  watched.write();
  ASSERT_TRUE(watched.begin(loop.io, watched.ends[0]));
  loop.io.poll();
  EXPECT_EQ(watched.calls, 1);
  for (int i = 2; i < 100; ++i) {
    watched.write();
    loop.io.poll();
    EXPECT_EQ(watched.calls, i) << "without being armed again";
    if (i % 3 == 0) continue;  // some are left
    char octet = 0;
    ASSERT_EQ(recv(watched.ends[0], &octet, 1, 0), 1);
  }
}

TEST(StandingRead, EndsInsideTheCallAndBeginsAnew) {
  Loop loop;
  Watched watched;
  watched.on_call = [&] { watched.end(); };
  ASSERT_TRUE(watched.begin(loop.io, watched.ends[0]));
  for (int i = 0; i < 3; ++i) {
    watched.write();
    loop.io.poll();
  }
  EXPECT_EQ(watched.calls, 1);
  ASSERT_TRUE(watched.begin(loop.io, watched.ends[0]));
  loop.io.poll();
  EXPECT_EQ(watched.calls, 2) << "what came meanwhile is there at once";
}

TEST(StandingRead, OneThatAnotherEndedInTheSameRoundIsNotCalled) {
  Loop loop;
  Watched first, second;
  first.on_call = [&] { second.end(); };
  second.on_call = [&] { first.end(); };
  for (Watched* watched : {&first, &second}) {
    ASSERT_TRUE(watched->begin(loop.io, watched->ends[0]));
    watched->write();
  }
  loop.io.poll();
  EXPECT_EQ(first.calls + second.calls, 1);
}

/// The place of the one that ended goes to a new one, whose first call may be for nothing.
TEST(StandingRead, OneThatBeginsInTheRoundOfAnEndHearsOfItsOwn) {
  Loop loop;
  Watched first, second, third;
  const auto replace = [&](Watched& other) {
    other.end();
    ASSERT_TRUE(third.begin(loop.io, third.ends[0]));
  };
  first.on_call = [&] { replace(second); };
  second.on_call = [&] { replace(first); };
  for (Watched* watched : {&first, &second}) {
    ASSERT_TRUE(watched->begin(loop.io, watched->ends[0]));
    watched->write();
  }
  loop.io.poll();
  EXPECT_EQ(first.calls + second.calls, 1);
  const int before = third.calls;
  EXPECT_LE(before, 1);
  third.write();
  loop.io.poll();
  EXPECT_EQ(third.calls, before + 1);
}

TEST(StandingRead, NeedsALoopWithoutLocksAndADescriptorThatCanBeWaitedFor) {
  boost::asio::io_context with_locks{1};
  Loop loop;
  Watched watched;
  EXPECT_THROW((void)watched.begin(with_locks, watched.ends[0]), std::logic_error);
  errno = 0;
  EXPECT_FALSE(watched.begin(loop.io, -1));
  EXPECT_EQ(errno, EBADF);
  EXPECT_TRUE(watched.begin(loop.io, watched.ends[0]));
}

TEST(StandingRead, MayBeDestroyedBetweenAnEventAndItsCall) {
  Loop loop;
  int calls = 0;
  {
    Watched watched([&] { ++calls; });
    ASSERT_TRUE(watched.begin(loop.io, watched.ends[0]));
    watched.write();
  }
  loop.io.poll();
  EXPECT_EQ(calls, 0);
}

}  // namespace
}  // namespace rampart::resolver
