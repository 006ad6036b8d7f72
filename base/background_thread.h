// Workers, and the threads that work beside them all the time (the query log's, HTTP's): these get what the workers
// leave, but not nothing.
#pragma once

#include <chrono>
#include <string_view>

namespace rampart::base {

/// Names the calling thread for `top -H`, `ps -L` and debuggers; longer than 15 octets is cut.
void name_thread(std::string_view name) noexcept;

/// Lets the calling thread, and threads it starts from now on, give way to every thread that answers queries: a worker
/// that wakes takes the processor from it at once, and it never takes one from a worker by waking (SCHED_BATCH). Where
/// all processors are busy it keeps a share by its nice value (Linux: 5 is a quarter, 10 a tenth of a core beside one
/// worker); SCHED_IDLE would leave it nothing then, and the log would be lost that tells of the flood.
///
/// nice     1..19. Where the system refuses, nothing happens.   Thread  each for itself.
void give_way_to_workers(int nice) noexcept;

/// Asks for turns of `slice` on the processor in place of the system's 3 ms: a thread that wakes with a shorter turn
/// takes the processor from one with a longer (Linux 6.12 and later), which otherwise ends its own turn first. The
/// share of time stays the same.
///
/// slice    100 us to 100 ms. Where the system knows no such wish, nothing happens.   Thread  each for itself.
void take_short_turns(std::chrono::nanoseconds slice) noexcept;

}  // namespace rampart::base
