// DNS over TCP (RFC 7766): many queries at once on a connection, answered as they become ready, each behind its
// two-octet length. A connection that is idle, slow to send, or slow to read is cut off; the numbers of
// connections, in all and for each client, are bounded.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "base/bytes.h"
#include "base/ip_address.h"
#include "resolver/listen_socket.h"

namespace rampart::resolver {

class Worker;
class StreamListener;

/// Of one connection. How many there may be is for the ConnectionCensus to say.
struct StreamLimits {
  std::size_t pipelined_max = 128;           ///< queries of one connection that wait for an upstream
  std::chrono::milliseconds idle{10000};     ///< without a query in progress (RFC 7766 6.2.3); told by RFC 7828
  std::chrono::milliseconds total{300000};   ///< of one connection, however busy
  std::chrono::milliseconds write{5000};     ///< a client that does not read for so long is gone
  std::size_t unsent_bytes_max = 262144;     ///< answers waiting for a slow reader
};

class StreamConnection : public std::enable_shared_from_this<StreamConnection> {
 public:
  /// `awaits_header`: the stream begins with a PROXY header, which says who the client is; `client` is its sender.
  StreamConnection(Worker& worker, StreamListener& listener, boost::asio::ip::tcp::socket socket,
                   const base::IpAddress& client, bool awaits_header);

  void start();
  void close();
  /// Takes no more queries; closes when the answers to those it has are out. `discard`: also not those that came
  /// but had to wait for others.
  void stop_reading(bool discard);
  /// An answer that had to wait; may come after the connection is closed, and is then dropped. `tell_timeout`: the
  /// query asked for how long the connection may be idle (RFC 7828).
  void complete(base::ByteView response, bool tell_timeout);

 private:
  void read_more();
  void on_bytes(std::size_t count);
  bool read_proxy_header();
  void work_through_input();
  void work_one(base::ByteView message);
  void queue(base::ByteView response, bool tell_timeout);
  void write_out();
  void close_if_done();
  /// Closes at once: what the client has not read is not kept for it, neither by us nor by the kernel.
  void cut_off();
  void arm_timer();

  Worker& worker_;
  StreamListener* listener_;
  boost::asio::ip::tcp::socket socket_;
  boost::asio::steady_timer timer_;
  base::IpAddress client_;
  bool awaits_header_;
  std::chrono::steady_clock::time_point opened_;
  std::chrono::steady_clock::time_point idle_since_;
  std::chrono::steady_clock::time_point write_since_;
  std::vector<std::uint8_t> input_;
  std::size_t input_used_ = 0;
  std::vector<std::uint8_t> sending_;  ///< in the hands of the kernel
  std::vector<std::uint8_t> waiting_;  ///< queued behind it
  std::size_t outstanding_ = 0;        ///< queries that wait for an upstream
  bool writing_ = false;
  bool reading_ = false;
  bool is_working_ = false;            ///< inside work_through_input(): `input_` must stay as it is
  bool has_ended_ = false;             ///< nothing more is read; who has said all may want answers (RFC 7766 6.2.4)
  bool open_ = true;
};

class StreamListener {
 public:
  StreamListener(Worker& worker, OwnedFd socket, const base::IpEndpoint& address);
  void start();
  void stop_accepting();
  /// Nothing more is accepted or read; each connection ends with its last answer.
  void stop_reading(bool discard = false);
  void close_all();
  [[nodiscard]] const base::IpEndpoint& address() const noexcept { return address_; }

 private:
  friend class StreamConnection;
  void accept();
  void admit(boost::asio::ip::tcp::socket socket, const base::IpAddress& client);
  /// Counts a connection for its client; false when the client has too many.
  bool count(const base::IpAddress& client);
  /// `was_counted`: for this client.
  void forget(StreamConnection* connection, const base::IpAddress& client, bool was_counted);

  Worker& worker_;
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer retry_;
  const base::IpEndpoint address_;
  std::unordered_map<StreamConnection*, std::shared_ptr<StreamConnection>> connections_;
};

}  // namespace rampart::resolver
