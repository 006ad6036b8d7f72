#include "base/background_thread.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>

namespace rampart::base {

void name_thread(std::string_view name) noexcept {
  char text[16] = {};  // as long as the kernel keeps one
  name.copy(text, sizeof(text) - 1);
  (void)pthread_setname_np(pthread_self(), text);
}

void give_way_to_workers(int nice) noexcept {
  const sched_param none{};
  (void)pthread_setschedparam(pthread_self(), SCHED_BATCH, &none);
  // 0 is the calling thread: nice values of Linux belong to threads.
  (void)setpriority(PRIO_PROCESS, 0, nice);
}

void take_short_turns(std::chrono::nanoseconds slice) noexcept {
  struct {  // glibc has no sched_attr before 2.41, and linux/sched/types.h clashes with its sched_param
    std::uint32_t size, policy;
    std::uint64_t flags;
    std::int32_t nice;
    std::uint32_t priority;
    std::uint64_t runtime, deadline, period;
  } wish{};
  if (syscall(SYS_sched_getattr, 0, &wish, sizeof(wish), 0) != 0 || wish.policy != SCHED_OTHER) return;
  wish.runtime = static_cast<std::uint64_t>(slice.count());
  (void)syscall(SYS_sched_setattr, 0, &wish, 0);
}

}  // namespace rampart::base
