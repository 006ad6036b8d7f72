#include "base/idle_thread.h"

#include <malloc.h>
#include <pthread.h>
#include <sched.h>

#include <system_error>
#include <thread>

namespace rampart::base {

void run_idle(const std::function<void()>& work) {
  // A thread of its own, because an unprivileged one may enter this schedule but not leave it.
  try {
    std::thread([&work] {
      const sched_param none{};
      (void)pthread_setschedparam(pthread_self(), SCHED_IDLE, &none);
      work();
    }).join();
  } catch (const std::system_error&) {
    work();
  }
  // What the work took for a moment goes back to the system, instead of staying with the allocator for the next time.
  malloc_trim(0);
}

}  // namespace rampart::base
