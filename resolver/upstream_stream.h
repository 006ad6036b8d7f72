// Queries over one TCP or TLS connection to an upstream address: opened when first needed, kept while it is
// used, pipelined (RFC 7766 6.2.1.1: many queries outstanding, answers in any order), framed by two length
// octets (RFC 1035 4.2.2), closed when idle. When it breaks, whoever waits is told, and may ask again: the next
// send() opens a new connection.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/ip_address.h"
#include "base/random.h"
#include "base/time.h"
#include "resolver/deadline_timer.h"
#include "resolver/forwarder.h"

namespace rampart::resolver {

class UpstreamStream;

/// One query on the connection; base of whoever waits for the response. Ended by UpstreamStream::end().
struct StreamExchange {
  UpstreamStream* stream = nullptr;
  StreamExchange* next_on_stream = nullptr;
  StreamExchange* previous_on_stream = nullptr;
  std::uint16_t stream_id = 0;
};

/// Who is told; every call names an exchange that has begun and not ended.
class StreamHandler {
 public:
  /// A message with the exchange's ID; not yet checked any further.
  virtual void on_stream_message(StreamExchange& exchange, base::MutableBytes message, base::Instant now) noexcept = 0;
  /// The connection is gone. `was_open`: it had been usable before, so another may be. Only take note.
  virtual void on_stream_broken(StreamExchange& exchange, bool was_open, base::Instant now) noexcept = 0;

 protected:
  ~StreamHandler() = default;
};

/// What all streams of a forwarder share.
struct StreamContext {
  boost::asio::io_context& io;
  DeadlineTimer& timer;
  const ForwarderOptions& options;
  ForwarderCounters& counters;
  base::SecureRandom& random;
  StreamHandler& handler;
  boost::asio::ssl::context* tls;  ///< trust anchors and protocol versions for those who speak TLS
};

/// Whom to meet at the other end.
struct StreamPeer {
  base::IpEndpoint endpoint;
  std::string tls_name;  ///< the name that the upstream's certificate must have; empty: plain TCP
  /// SHA-256 of TBS certificates, one of which must be in the verified chain; empty: any chain will do.
  std::vector<std::array<std::uint8_t, 32>> certificate_hashes;
};

class UpstreamStream {
 public:
  UpstreamStream(StreamContext context, StreamPeer peer);
  ~UpstreamStream();
  UpstreamStream(const UpstreamStream&) = delete;
  UpstreamStream& operator=(const UpstreamStream&) = delete;

  /// Gives `exchange` a random ID, unique on this connection. false: too many queries on it already.
  [[nodiscard]] bool begin(StreamExchange& exchange) noexcept;
  /// Sends as soon as the connection is open; opens it if need be.
  void send(base::ByteView message) noexcept;
  void end(StreamExchange& exchange) noexcept;
  /// Says that a query sent at `sent_at` got no answer: a connection that was silent since is given up.
  void suspect(base::Instant sent_at) noexcept;

  [[nodiscard]] std::uint32_t inflight() const noexcept { return inflight_; }
  [[nodiscard]] bool is_connected() const noexcept { return connection_ != nullptr; }  ///< or on its way

 private:
  struct Connection;
  struct Idle : Deadline {
    explicit Idle(UpstreamStream& s) noexcept;
    UpstreamStream& stream;
  };
  /// More than this many queries in flight on one connection are refused: IDs must stay hard to collide, and an
  /// upstream that slow is of no use.
  static constexpr std::uint32_t kQueriesMax = 4096;

  void open();
  void on_open(const std::shared_ptr<Connection>& connection);
  void flush(const std::shared_ptr<Connection>& connection);
  void read(const std::shared_ptr<Connection>& connection);
  static void on_read(const std::shared_ptr<Connection>& connection, std::size_t bytes);
  void give_up() noexcept;

  StreamContext context_;
  const StreamPeer peer_;
  std::shared_ptr<Connection> connection_;
  StreamExchange* first_ = nullptr;
  StreamExchange* last_ = nullptr;
  std::uint32_t inflight_ = 0;
  Idle idle_;
};

}  // namespace rampart::resolver
