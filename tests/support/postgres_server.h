// A real PostgreSQL for tests: its own data directory below /tmp, its own port on loopback, and the ways in which
// it can fail. Runs as user postgres when the test runs as root, which the server refuses.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace rampart::test_support {

class PostgresServer {
 public:
  /// Path of the server binaries, "" when PostgreSQL is not installed.
  [[nodiscard]] static std::string binaries();

  PostgresServer();   ///< initdb; throws std::runtime_error with the program's words
  struct StandbyOf {
    const PostgresServer& primary;
  };
  explicit PostgresServer(StandbyOf of);  ///< from a base backup; follows the primary, only reads
  ~PostgresServer();  ///< kills and removes everything
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;

  void start();            ///< returns when it answers
  void stop();             ///< "fast" shutdown: sessions are told and ended
  void kill();             ///< SIGKILL to every process of it
  void pause();            ///< SIGSTOP to every process: accepts connections, answers nothing
  void resume();
  [[nodiscard]] bool is_running() const noexcept { return pid_ > 0; }

  [[nodiscard]] int port() const noexcept { return port_; }
  [[nodiscard]] std::string target(const std::string& database = "blocky") const;
  /// Runs SQL as superuser and gives the first field of the last result; throws on error.
  std::string query(const std::string& sql, const std::string& database = "blocky") const;
  [[nodiscard]] long count(const std::string& sql) const { return std::stol(query(sql)); }
  void create_database(const std::string& name = "blocky") const;
  /// Replaces pg_hba.conf and reloads.
  void set_access(const std::string& lines) const;

 private:
  void make_directory();
  void run_to_end(std::vector<std::string> words) const;
  void signal_all(int signal) const;

  std::string directory_;
  int port_ = 0;
  pid_t pid_ = 0;
};

}  // namespace rampart::test_support
