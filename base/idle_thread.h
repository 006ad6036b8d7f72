// Heavy work of a serving process, on a thread that the kernel runs only when nobody else wants the processor
// (SCHED_IDLE): on a machine with few cores it would otherwise share a worker's core by half.
#pragma once

#include <functional>

namespace rampart::base {

/// Runs `work` on such a thread and waits for it; threads that it starts are idle ones, too. `work` must not throw.
/// Where no thread can be had, or no such schedule, it runs all the same.
void run_idle(const std::function<void()>& work);

}  // namespace rampart::base
