// One connection to PostgreSQL on which nothing lasts longer than the caller allows: connecting, statements, COPY
// and its end all wait in poll() with a deadline. That is why this speaks libpq's asynchronous interface directly;
// libpqxx waits inside the library for as long as a stopped server keeps the socket open.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "storage/postgres_target.h"
#include "storage/query_sink.h"

struct pg_conn;
struct pg_result;

namespace rampart::storage {

struct PostgresError {
  std::string text;      ///< one line
  std::string sqlstate;  ///< "" when the server did not say it: connection lost or deadline passed
  [[nodiscard]] bool is_from_server() const noexcept { return !sqlstate.empty(); }
};

/// Used by one thread. After any error without sqlstate the connection is closed.
class PostgresConnection {
 public:
  using Rows = std::vector<std::vector<std::string>>;
  template <class T>
  using Result = base::Result<T, PostgresError>;

  PostgresConnection() = default;
  ~PostgresConnection();
  PostgresConnection(const PostgresConnection&) = delete;
  PostgresConnection& operator=(const PostgresConnection&) = delete;

  /// Tries the hosts in turn, each for `time_for_each`, until one takes us; of several, one that can be written to,
  /// unless the target has a `target_session_attrs` of its own.
  /// Looking up a host name is the one thing without a deadline.
  [[nodiscard]] Result<base::Done> connect(const PostgresTarget& target, std::chrono::milliseconds time_for_each,
                                           const Deadline& deadline);
  void close() noexcept;
  [[nodiscard]] bool is_open() const noexcept { return connection_ != nullptr; }

  struct Reply {
    Rows rows;                  ///< of the last statement; NULL as ""
    std::uint64_t changed = 0;  ///< rows that the last statement inserted, deleted, copied
    std::string tag;            ///< "COMMIT", "ROLLBACK", "INSERT 0 1"
  };
  /// Runs one or more statements by the simple protocol; the first error ends them all.
  [[nodiscard]] Result<Reply> execute(const std::string& sql, const Deadline& deadline);
  /// Begins `COPY ... FROM STDIN`. Rows follow by put_copy(), in pieces, so that the server works on the first ones
  /// while later ones are made; end_copy() says what became of them.
  [[nodiscard]] Result<base::Done> begin_copy(const std::string& sql, const Deadline& deadline);
  [[nodiscard]] Result<base::Done> put_copy(std::string_view rows, const Deadline& deadline);
  [[nodiscard]] Result<Reply> end_copy(const Deadline& deadline);

  /// A literal with its quotes.
  [[nodiscard]] static std::string quote(std::string_view text);

 private:
  [[nodiscard]] Result<base::Done> connect_to(const PostgresTarget& target, const PostgresTarget::Host& host,
                                              base::Instant until, const Deadline& deadline);
  [[nodiscard]] base::Status wait(short events, const Deadline& deadline);
  [[nodiscard]] base::Status flush(const Deadline& deadline);
  [[nodiscard]] Result<pg_result*> next_result(const Deadline& deadline);
  [[nodiscard]] Result<Reply> finish_statements(const Deadline& deadline);
  [[nodiscard]] base::Error<PostgresError> lost(std::string text);

  pg_conn* connection_ = nullptr;
};

}  // namespace rampart::storage
