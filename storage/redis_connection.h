// One connection to a Redis or a sentinel, on an Asio loop: TCP, Unix socket or TLS. Commands go out in order and
// their replies come back in order; after subscribe() the connection only listens. Whatever goes wrong (refused,
// reset, silent for too long, nonsense) ends the connection with one call of `on_lost`.
//
// hiredis gives the protocol (redis_reply.h); the loop is Asio's, because Debian 12's hiredis knows neither TLS nor
// timeouts for its asynchronous connections.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/time.h"
#include "storage/redis_options.h"
#include "storage/redis_reply.h"

namespace rampart::storage {

class RedisConnection : public std::enable_shared_from_this<RedisConnection> {
 public:
  struct Settings {
    RedisEndpoint endpoint;
    RedisLogin login;
    boost::asio::ssl::context* tls = nullptr;  ///< null: plain
    std::string tls_name;
    std::chrono::milliseconds connect_max;
    std::chrono::milliseconds reply_max;
  };
  using OnReply = std::function<void(const RedisReply&)>;
  using OnMessage = std::function<void(std::string_view channel, std::string_view payload)>;

  /// More waiting octets than this and the server counts as stuck.
  static constexpr std::size_t kUnsentBytesMax = std::size_t{32} << 20;

  RedisConnection(boost::asio::io_context& io, Settings settings);

  /// Connects and logs in; then `on_ready`. `on_lost` comes at most once, and never from inside a call of ours.
  void open(std::function<void()> on_ready, std::function<void(std::string)> on_lost);
  /// `on_reply` may be empty. It is not called when the connection is lost.
  void command(std::initializer_list<std::string_view> words, OnReply on_reply = {});
  /// From here on only ping() and messages.
  void subscribe(const std::vector<std::string_view>& channels, std::function<void()> on_subscribed, OnMessage on_message);
  void ping();
  /// No more callbacks.
  void close() noexcept;

  [[nodiscard]] std::size_t waiting_replies() const noexcept { return waiting_.size(); }
  [[nodiscard]] std::size_t unsent_bytes() const noexcept { return outgoing_.size() + sending_.size(); }

 private:
  using Socket = boost::asio::generic::stream_protocol::socket;
  struct Waiting {
    base::Instant sent;
    OnReply on_reply;
  };

  void connect_to(std::vector<Socket::endpoint_type> endpoints, std::size_t index, std::string error);
  void handshake();
  void log_in();
  void read();
  void write();
  void handle(const RedisReply& reply);
  void watch();
  void lose(std::string error);
  void shut_down() noexcept;
  void drop_callbacks() noexcept;

  boost::asio::io_context& io_;
  const Settings settings_;
  Socket socket_;
  std::optional<boost::asio::ssl::stream<Socket&>> tls_;
  boost::asio::ip::tcp::resolver resolver_;
  boost::asio::steady_timer watchdog_;
  std::function<void()> on_ready_, on_subscribed_;
  std::function<void(std::string)> on_lost_;
  OnMessage on_message_;
  RedisReplyReader reader_;
  std::array<std::uint8_t, 16384> incoming_;
  std::string outgoing_, sending_;
  std::deque<Waiting> waiting_;
  std::size_t channels_left_ = 0;
  base::Instant deadline_{};          ///< of connecting
  std::optional<base::Instant> ping_sent_;
  bool is_ready_ = false, is_subscriber_ = false, is_closed_ = false, is_writing_ = false;
  bool is_disowned_ = false;  ///< its owner is gone or has another: no word to it
};

}  // namespace rampart::storage
