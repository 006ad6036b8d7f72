// Keeps the two connections that sharing needs (one for commands, one that listens) up for as long as the process
// lives: asks the sentinels who the master is, logs in, subscribes; when either is lost both go, and it starts again
// when a pause has passed since the last attempt began; it doubles from 50 ms to `cooldown_max`, with jitter so that instances
// do not return in step.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "base/random.h"
#include "storage/redis_connection.h"

namespace rampart::storage {

/// Lives on one loop; every method and callback on its thread.
class RedisLink {
 public:
  struct Events {
    std::function<void(const std::string& server)> on_up;     ///< both connections stand
    std::function<void(const std::string& error)> on_down;    ///< after each failed attempt and each loss
    RedisConnection::OnMessage on_message;
  };

  RedisLink(boost::asio::io_context& io, RedisOptions options, std::vector<std::string_view> channels, Events events);
  ~RedisLink();
  RedisLink(const RedisLink&) = delete;

  /// Fails if the TLS files cannot be read: with the file and OpenSSL's words.
  [[nodiscard]] base::Status start();
  void stop();

  [[nodiscard]] bool is_up() const noexcept { return is_up_; }
  /// Only while up; replies do not come when the connection is lost.
  void command(std::initializer_list<std::string_view> words, RedisConnection::OnReply on_reply = {});
  /// Commands whose replies are still to come.
  [[nodiscard]] std::size_t waiting_replies() const noexcept { return commands_ ? commands_->waiting_replies() : 0; }
  [[nodiscard]] std::size_t unsent_bytes() const noexcept { return commands_ ? commands_->unsent_bytes() : 0; }
  /// Asks the listening connection for a sign of life.
  void ping();
  /// This server is of no use (it became a replica): leave it and look again.
  void abandon(const std::string& reason);

 private:
  void attempt();
  void ask_sentinel(std::size_t tried, std::string errors);
  void connect(RedisEndpoint server);
  void check_role();
  void listen();
  void fail(const std::string& error);
  void drop_connections();
  [[nodiscard]] std::shared_ptr<RedisConnection> make(const RedisEndpoint& endpoint, const RedisLogin& login,
                                                      std::chrono::milliseconds connect_max);

  boost::asio::io_context& io_;
  const RedisOptions options_;
  const std::vector<std::string_view> channels_;
  const Events events_;
  std::unique_ptr<boost::asio::ssl::context> tls_;
  boost::asio::steady_timer retry_;
  std::shared_ptr<RedisConnection> sentinel_, commands_, listener_;
  RedisEndpoint server_;
  std::size_t next_sentinel_ = 0;  ///< the one that answered last is asked first
  std::chrono::milliseconds pause_;
  base::Instant attempt_at_{}, up_at_{};
  base::SecureRandom random_;
  bool is_up_ = false, is_stopped_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  ///< a timer's handler may be queued when we go
};

}  // namespace rampart::storage
