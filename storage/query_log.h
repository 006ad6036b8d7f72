// The query log: rings -> drain thread -> bounded queue of batches -> sink thread -> database, file or stdout.
// The drain thread never waits for a database, so a sink that is down, slow or hung can neither fill the rings nor
// be felt by a worker; what the sink cannot take goes, still in order, into the spool or to stdout.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>

#include "base/result.h"
#include "storage/query_event_ring.h"
#include "storage/query_log_options.h"
#include "storage/query_log_stats.h"

namespace rampart::storage {

/// Built before and destroyed after the workers. start(), stop() and reconfigure(): one thread at a time.
class QueryLog {
 public:
  QueryLog(QueryLogOptions options, std::size_t worker_count);
  ~QueryLog();  ///< stops with a deadline of one second if nobody has

  QueryLog(const QueryLog&) = delete;
  QueryLog& operator=(const QueryLog&) = delete;

  /// Starts the threads. Fails only for what no time can heal (a type that is not built, an unreadable spool
  /// directory); a database that is away is joined when it comes.
  [[nodiscard]] base::Status start();

  /// Events of this worker; valid as long as the log. With type `none` pushes are accepted and discarded.
  [[nodiscard]] QueryEventRing& ring(std::size_t worker_index) noexcept;

  /// False with type `none`: a worker may then save itself the push. Any thread.
  [[nodiscard]] bool wants_events() const noexcept;

  /// Takes over new options without losing an event; rings keep their size. On error the old options stay.
  [[nodiscard]] base::Status reconfigure(QueryLogOptions options);

  /// Flushes everything pushed before the call; what the sink has not taken at the deadline goes to spool or
  /// stdout. Returns within deadline + 2 s even when a database, name server or terminal hangs.
  void stop(std::chrono::milliseconds deadline);

  [[nodiscard]] QueryLogStats stats() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace rampart::storage
