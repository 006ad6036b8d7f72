#include "tests/support/virtual_time.h"

#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

namespace {

std::atomic<bool> is_stopped{false};
std::atomic<std::int64_t> virtual_ns{0};
std::atomic<std::uint64_t> random_state{0};

int real_clock(clockid_t clock, timespec* out) { return static_cast<int>(syscall(SYS_clock_gettime, clock, out)); }

std::uint64_t next_random() {  // splitmix64
  std::uint64_t z = random_state.fetch_add(0x9e3779b97f4a7c15u) + 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

}  // namespace

extern "C" {

int clock_gettime(clockid_t clock, timespec* out) noexcept {
  if (clock != CLOCK_MONOTONIC || !is_stopped.load()) return real_clock(clock, out);
  out->tv_sec = virtual_ns.load() / 1'000'000'000;
  out->tv_nsec = virtual_ns.load() % 1'000'000'000;
  return 0;
}

// The kernel's timers know nothing of our time: without them Asio asks the clock itself.
int timerfd_create(int, int) noexcept {
  errno = ENOSYS;
  return -1;
}

ssize_t getrandom(void* out, std::size_t length, unsigned flags) {
  if (!is_stopped.load()) return syscall(SYS_getrandom, out, length, flags);
  auto* p = static_cast<std::uint8_t*>(out);
  for (std::size_t done = 0; done < length;) {
    const std::uint64_t value = next_random();
    const std::size_t count = length - done < sizeof(value) ? length - done : sizeof(value);
    std::memcpy(p + done, &value, count);
    done += count;
  }
  return static_cast<ssize_t>(length);
}

}  // extern "C"

namespace rampart::test {

std::chrono::nanoseconds real_now() {
  timespec now{};
  real_clock(CLOCK_MONOTONIC, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

void stop_the_clock(std::uint64_t seed) {
  virtual_ns = std::chrono::nanoseconds(std::chrono::hours(24)).count();
  random_state = seed;
  is_stopped = true;
}

void advance_the_clock(std::chrono::nanoseconds by) { virtual_ns += by.count(); }

std::chrono::steady_clock::time_point virtual_now() {
  return std::chrono::steady_clock::time_point(std::chrono::nanoseconds(virtual_ns.load()));
}

}  // namespace rampart::test
