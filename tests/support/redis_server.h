// A real Redis for tests: nothing on disk, a private port on loopback and a private socket, ended by its pid.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "storage/redis_options.h"
#include "storage/redis_reply.h"
#include "tests/support/temporary_directory.h"

namespace rampart::test_support {

class RedisServer {
 public:
  [[nodiscard]] static bool is_installed();

  /// Chooses its port; start() starts it.
  RedisServer();
  ~RedisServer();
  RedisServer(const RedisServer&) = delete;
  RedisServer& operator=(const RedisServer&) = delete;

  void start();   ///< returns when it answers; throws std::runtime_error with its log
  void kill();    ///< SIGKILL; its data are gone
  void pause();   ///< SIGSTOP: accepts connections, answers nothing
  void resume();

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  [[nodiscard]] std::string socket_path() const { return directory_.path() + "/redis.sock"; }
  [[nodiscard]] storage::RedisOptions options() const;

  using Command = std::vector<std::string>;
  /// Sends all at once, so that nothing comes between them, and gives the last reply.
  storage::RedisReply command_all(const std::vector<Command>& commands) const;
  storage::RedisReply command(Command words) const { return command_all({std::move(words)}); }

 private:
  TemporaryDirectory directory_;
  std::uint16_t port_ = 0;
  pid_t pid_ = 0;
};

}  // namespace rampart::test_support
