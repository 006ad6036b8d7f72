#include "base/background_thread.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>

namespace rampart::base {

void give_way_to_workers(int nice) noexcept {
  const sched_param none{};
  (void)pthread_setschedparam(pthread_self(), SCHED_BATCH, &none);
  // 0 is the calling thread: nice values of Linux belong to threads.
  (void)setpriority(PRIO_PROCESS, 0, nice);
}

}  // namespace rampart::base
