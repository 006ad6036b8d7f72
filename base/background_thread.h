// Threads that work beside the workers all the time (the query log's): they get what the workers leave, but not nothing.
#pragma once

namespace rampart::base {

/// Lets the calling thread, and threads it starts from now on, give way to every thread that answers queries: a worker
/// that wakes takes the processor from it at once, and it never takes one from a worker by waking (SCHED_BATCH). Where
/// all processors are busy it keeps a share by its nice value (Linux: 5 is a quarter, 10 a tenth of a core beside one
/// worker); SCHED_IDLE would leave it nothing then, and the log would be lost that tells of the flood.
///
/// nice     1..19. Where the system refuses, nothing happens.   Thread  each for itself.
void give_way_to_workers(int nice) noexcept;

}  // namespace rampart::base
