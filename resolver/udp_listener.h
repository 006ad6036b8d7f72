// One UDP socket of one worker: told of readiness, it works through batches with recvmmsg and sendmmsg until the
// socket is empty. Full batches are read again at once; a bound on rounds gives streams and timers their turn.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <memory>

#include "base/bytes.h"
#include "resolver/listen_socket.h"
#include "resolver/pending_query.h"
#include "resolver/query_context.h"
#include "resolver/standing_read.h"

namespace rampart::resolver {

class Worker;

class UdpListener : private StandingRead {
 public:
  static constexpr std::size_t kBatch = 32;          ///< larger batches gain nothing (docs/decisions/udp-path.md)
  static constexpr std::size_t kRoundsMax = 16;      ///< batches before other work gets its turn
  static constexpr std::size_t kQueryBytesMax = 4096;     ///< a longer datagram is no sane query: FORMERR
  static constexpr std::size_t kResponseBytes = 2048;     ///< above what we ever send by UDP (1232)

  UdpListener(Worker& worker, OwnedFd socket, const base::IpEndpoint& address);
  ~UdpListener();
  UdpListener(const UdpListener&) = delete;

  void start();
  /// Stops reading; answers to queries in flight can still be sent.
  void stop_reading() noexcept;
  /// Stops reading, and gives the port back when the queries that came through it have their answers. The object
  /// itself stays, as a completion may still be queued for it.
  void retire() noexcept;
  /// A query waits for its answer to be sent through here / does no longer.
  void expect_answer() noexcept { ++answers_due_; }
  void forget_answer() noexcept;
  void send(const UdpReturnPath& path, base::ByteView response) noexcept;
  [[nodiscard]] const base::IpEndpoint& address() const noexcept { return address_; }

 private:
  struct Buffers;

  void close() noexcept;
  void read() noexcept;
  /// One batch; whether there may be more.
  bool work_batch() noexcept;
  void flush(std::size_t count) noexcept;

  Worker& worker_;
  OwnedFd socket_;
  const base::IpEndpoint address_;
  bool is_retired_ = false;
  std::size_t answers_due_ = 0;
  std::unique_ptr<Buffers> buffers_;
};

}  // namespace rampart::resolver
