// Queries over UDP from many source ports. Sockets are connected, so the kernel drops datagrams from any other
// source and reports ICMP errors at once. An upstream address has a pool of them that grows with what is in
// flight and is empty when idle; a query takes a random one. A socket is retired after a number of uses or some
// seconds, and closed when its last query has ended, so a port is worth little to who found it.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/bytes.h"
#include "base/ip_address.h"
#include "base/random.h"
#include "base/time.h"
#include "resolver/forwarder.h"
#include "resolver/standing_read.h"

namespace rampart::resolver {

struct UdpSocket;

/// One query on one socket; base of whoever waits for the response. Ended by UdpTransport::end().
struct UdpExchange {
  UdpSocket* socket = nullptr;
  UdpExchange* next = nullptr;
  UdpExchange* previous = nullptr;
  std::uint16_t udp_id = 0;
};

class UdpTransport;

/// The sockets towards one upstream address. Must not go while it has queries in flight, nor after its transport.
struct UdpPool {
  explicit UdpPool(base::IpEndpoint to) noexcept : endpoint(to) {}
  ~UdpPool();
  UdpPool(const UdpPool&) = delete;
  UdpPool& operator=(const UdpPool&) = delete;
  const base::IpEndpoint endpoint;
  UdpTransport* transport = nullptr;  ///< since its first socket
  std::vector<UdpSocket*> sockets;
  std::uint32_t inflight = 0;
};

/// What holds for a socket from its opening to its end.
struct UdpSocketState {
  int fd = -1;
  UdpPool* pool = nullptr;
  std::uint32_t uses = 0;
  std::uint32_t inflight = 0;
  bool is_retired = false;
  std::uint64_t serial = 0;  ///< which socket this object is by now
  base::Instant opened_at{};
  UdpExchange* first = nullptr;  ///< oldest first: answers mostly come in this order
  UdpExchange* last = nullptr;
  UdpSocket* next_free = nullptr;
};

/// A place for one socket after another.
struct UdpSocket : UdpSocketState, StandingRead {
  UdpSocket();
};

/// Who is told; every call names an exchange that has begun and not ended.
class UdpHandler {
 public:
  /// A datagram with the exchange's ID came from its upstream; not yet checked any further. `is_cut`: it was
  /// longer than any answer to us may be.
  virtual void on_datagram(UdpExchange& exchange, base::MutableBytes message, bool is_cut,
                           base::Instant now) noexcept = 0;
  /// The upstream is unreachable (ICMP). May be called from inside send() for other exchanges: only take note.
  virtual void on_unreachable(UdpExchange& exchange, base::Instant now) noexcept = 0;

 protected:
  ~UdpHandler() = default;
};

class UdpTransport {
 public:
  UdpTransport(boost::asio::io_context& io, const ForwarderOptions& options, ForwarderCounters& counters,
               base::SecureRandom& random, UdpHandler& handler);
  ~UdpTransport();
  UdpTransport(const UdpTransport&) = delete;
  UdpTransport& operator=(const UdpTransport&) = delete;

  /// Gives `exchange` a socket and a random ID that is unique on it. false: no socket could be had (counted).
  [[nodiscard]] bool begin(UdpPool& pool, UdpExchange& exchange, base::Instant now) noexcept;
  /// false: the upstream is unreachable. A datagram that the kernel drops counts as sent: it is retransmitted.
  [[nodiscard]] bool send(UdpExchange& exchange, base::ByteView message, base::Instant now) noexcept;
  void end(UdpExchange& exchange) noexcept;

  /// Closes what is idle and old.
  void sweep(UdpPool& pool, base::Instant now) noexcept;
  /// Closes all sockets of a pool without queries in flight.
  void close(UdpPool& pool) noexcept;
  [[nodiscard]] std::size_t open_sockets() const noexcept { return open_; }

 private:
  static constexpr std::size_t kBatch = 8;
  static constexpr int kRoundsMax = 16;  ///< batches of one socket before others get their turn
  static constexpr std::size_t kDatagramBytes = 4096;  ///< we advertise 1232; some send more

  friend struct UdpSocket;
  void receive(UdpSocket& socket) noexcept;
  /// One batch; whether there may be more.
  bool receive_batch(UdpSocket& socket) noexcept;
  void fail_all(UdpSocket& socket, const UdpExchange* except, base::Instant now) noexcept;
  [[nodiscard]] UdpSocket* pick(UdpPool& pool, base::Instant now) noexcept;
  [[nodiscard]] UdpSocket* open(UdpPool& pool, base::Instant now) noexcept;
  void retire(UdpSocket& socket) noexcept;
  void close(UdpSocket& socket) noexcept;
  [[nodiscard]] bool is_spent(const UdpSocket& socket, base::Instant now) const noexcept;

  boost::asio::io_context& io_;
  const ForwarderOptions& options_;
  ForwarderCounters& counters_;
  base::SecureRandom& random_;
  UdpHandler& handler_;
  std::vector<std::unique_ptr<UdpSocket>> all_;  ///< never freed before us: events may still name them
  UdpSocket* free_ = nullptr;
  std::size_t open_ = 0;
  std::uint64_t serial_ = 0;
  std::unique_ptr<std::array<std::array<std::uint8_t, kDatagramBytes>, kBatch>> buffers_;
  std::array<mmsghdr, kBatch> headers_{};
  std::array<iovec, kBatch> vectors_{};
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  ///< for what may still be in the loop's queue
};

}  // namespace rampart::resolver
