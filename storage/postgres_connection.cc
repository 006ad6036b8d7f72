#include "storage/postgres_connection.h"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace rampart::storage {
namespace {

// A piece of COPY data handed to libpq at once; it grows its buffer to hold what the socket does not take.
constexpr std::size_t kCopyPieceBytes = 64 << 10;

struct ResultDeleter {
  void operator()(PGresult* result) const noexcept { PQclear(result); }
};
using ResultPtr = std::unique_ptr<PGresult, ResultDeleter>;

/// libpq ends its messages with a newline and breaks them into lines; a log line has room for one.
std::string one_line(const char* text) {
  std::string line = text == nullptr ? "" : text;
  while (!line.empty() && (line.back() == '\n' || line.back() == ' ')) line.pop_back();
  std::replace(line.begin(), line.end(), '\n', ' ');
  std::replace(line.begin(), line.end(), '\t', ' ');
  return line;
}

/// The server's error without the statement it quotes.
PostgresError server_error(const PGresult* result) {
  const auto field = [&](int code) {
    const char* text = PQresultErrorField(result, code);
    return std::string(text == nullptr ? "" : text);
  };
  PostgresError error{field(PG_DIAG_MESSAGE_PRIMARY), field(PG_DIAG_SQLSTATE)};
  if (const std::string detail = field(PG_DIAG_MESSAGE_DETAIL); !detail.empty()) error.text += " (" + detail + ")";
  error.text = one_line(error.text.empty() ? PQresultErrorMessage(result) : error.text.c_str());
  return error;
}

}  // namespace

PostgresConnection::~PostgresConnection() { close(); }

void PostgresConnection::close() noexcept {
  if (connection_ != nullptr) PQfinish(connection_);
  connection_ = nullptr;
}

base::Error<PostgresError> PostgresConnection::lost(std::string text) {
  close();
  return base::Error{PostgresError{std::move(text), ""}};
}

base::Status PostgresConnection::wait(short events, const Deadline& deadline) {
  for (;;) {
    pollfd ready{PQsocket(connection_), events, 0};
    const int count = ::poll(&ready, 1, deadline.slice_ms());
    if (count > 0) return base::Done{};
    if (count < 0 && errno != EINTR) return base::Error{std::string("poll: ") + std::strerror(errno)};
    if (deadline.has_passed()) return base::Error{std::string("no answer in time")};
  }
}

PostgresConnection::Result<base::Done> PostgresConnection::connect(const PostgresTarget& target,
                                                                   std::chrono::milliseconds time_for_each,
                                                                   const Deadline& deadline) {
  std::string errors;
  for (const PostgresTarget::Host& host : target.hosts) {
    auto connected = connect_to(target, host, base::monotonic_now() + time_for_each, deadline);
    if (connected) return connected;
    if (!errors.empty()) errors += "; ";
    if (target.hosts.size() > 1) errors += host.host + ": ";
    errors += connected.error().text;
    if (deadline.has_passed()) break;
  }
  return lost(errors);
}

PostgresConnection::Result<base::Done> PostgresConnection::connect_to(const PostgresTarget& target,
                                                                      const PostgresTarget::Host& host,
                                                                      base::Instant until, const Deadline& deadline) {
  close();
  // Words of the target come last, so they win over these.
  std::vector<const char*> words{"fallback_application_name", "client_encoding", "keepalives_idle",
                                 "keepalives_interval", "keepalives_count", "tcp_user_timeout"};
  std::vector<const char*> values{"rampart", "UTF8", "10", "3", "3", "10000"};
  // Of several hosts the first that accepts us may be a standby, which would refuse every batch.
  if (target.hosts.size() > 1) {
    words.push_back("target_session_attrs");
    values.push_back("read-write");
  }
  const auto add = [&](const char* word, const std::string& value) {
    if (value.empty()) return;
    words.push_back(word);
    values.push_back(value.c_str());
  };
  for (const auto& [word, value] : target.words) add(word.c_str(), value);
  add("host", host.host);
  add("hostaddr", host.hostaddr);
  add("port", host.port);
  words.push_back(nullptr);
  values.push_back(nullptr);
  connection_ = PQconnectStartParams(words.data(), values.data(), 0);
  if (connection_ == nullptr) return lost("out of memory");
  if (PQstatus(connection_) == CONNECTION_BAD) return lost(one_line(PQerrorMessage(connection_)));
  // Until the first PQconnectPoll() the socket is to be treated as if it had said "wait for writing".
  PostgresPollingStatusType step = PGRES_POLLING_WRITING;
  while (step != PGRES_POLLING_OK) {
    if (step == PGRES_POLLING_FAILED) return lost(one_line(PQerrorMessage(connection_)));
    if (auto waited = wait(step == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline.before(until)); !waited)
      return lost("connecting: " + waited.error());
    step = PQconnectPoll(connection_);
  }
  if (PQsetnonblocking(connection_, 1) != 0) return lost(one_line(PQerrorMessage(connection_)));
  // Notices ("relation exists, skipping") would otherwise be printed to stderr.
  PQsetNoticeReceiver(connection_, [](void*, const PGresult*) {}, nullptr);
  return base::Done{};
}

base::Status PostgresConnection::flush(const Deadline& deadline) {
  for (;;) {
    const int state = PQflush(connection_);
    if (state == 0) return base::Done{};
    if (state < 0) return base::Error{one_line(PQerrorMessage(connection_))};
    // The server may want to be read before it goes on reading.
    if (auto waited = wait(POLLIN | POLLOUT, deadline); !waited) return base::Error{"sending: " + waited.error()};
    if (PQconsumeInput(connection_) == 0) return base::Error{one_line(PQerrorMessage(connection_))};
  }
}

PostgresConnection::Result<PGresult*> PostgresConnection::next_result(const Deadline& deadline) {
  while (PQisBusy(connection_) != 0) {
    if (auto waited = wait(POLLIN, deadline); !waited) return lost("waiting for the server: " + waited.error());
    if (PQconsumeInput(connection_) == 0) return lost(one_line(PQerrorMessage(connection_)));
  }
  return PQgetResult(connection_);
}

/// Reads all results; gives the last one, or the first error.
PostgresConnection::Result<PostgresConnection::Reply> PostgresConnection::finish_statements(const Deadline& deadline) {
  Reply reply;
  PostgresError first_error;
  bool failed = false;
  for (;;) {
    auto next = next_result(deadline);
    if (!next) return base::Error{next.error()};
    const ResultPtr result(*next);
    if (!result) break;
    const ExecStatusType status = PQresultStatus(result.get());
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY) {
      reply = {};
      reply.tag = PQcmdStatus(result.get());
      const char* changed = PQcmdTuples(result.get());
      std::from_chars(changed, changed + std::strlen(changed), reply.changed);
      for (int row = 0; row < PQntuples(result.get()); ++row) {
        auto& fields = reply.rows.emplace_back();
        for (int column = 0; column < PQnfields(result.get()); ++column)
          fields.emplace_back(PQgetvalue(result.get(), row, column));
      }
      continue;
    }
    if (status == PGRES_COPY_IN) return lost("the server expects COPY data that nobody announced");
    if (!failed) {
      first_error = server_error(result.get());
      failed = true;
    }
    if (PQstatus(connection_) == CONNECTION_BAD) break;
  }
  if (!failed) return reply;
  // An error that ends the session (administrator's shutdown) comes with a state, but leaves no connection.
  if (first_error.sqlstate.empty() || PQstatus(connection_) == CONNECTION_BAD) return lost(first_error.text);
  return base::Error{first_error};
}

PostgresConnection::Result<PostgresConnection::Reply> PostgresConnection::execute(const std::string& sql,
                                                                                 const Deadline& deadline) {
  if (connection_ == nullptr) return lost("not connected");
  if (PQsendQuery(connection_, sql.c_str()) == 0) return lost(one_line(PQerrorMessage(connection_)));
  if (auto flushed = flush(deadline); !flushed) return lost(flushed.error());
  return finish_statements(deadline);
}

PostgresConnection::Result<base::Done> PostgresConnection::begin_copy(const std::string& sql, const Deadline& deadline) {
  if (connection_ == nullptr) return lost("not connected");
  if (PQsendQuery(connection_, sql.c_str()) == 0) return lost(one_line(PQerrorMessage(connection_)));
  if (auto flushed = flush(deadline); !flushed) return lost(flushed.error());
  auto first = next_result(deadline);
  if (!first) return base::Error{first.error()};
  const ResultPtr began(*first);
  if (PQresultStatus(began.get()) == PGRES_COPY_IN) return base::Done{};
  const PostgresError error = server_error(began.get());
  auto rest = finish_statements(deadline);
  if (!rest && !rest.error().is_from_server()) return base::Error{rest.error()};
  if (error.sqlstate.empty()) return lost(error.text);
  return base::Error{error};
}

PostgresConnection::Result<base::Done> PostgresConnection::put_copy(std::string_view rows, const Deadline& deadline) {
  while (!rows.empty()) {
    const std::string_view piece = rows.substr(0, kCopyPieceBytes);
    const int taken = PQputCopyData(connection_, piece.data(), static_cast<int>(piece.size()));
    if (taken < 0) return lost(one_line(PQerrorMessage(connection_)));
    if (taken == 1) rows.remove_prefix(piece.size());
    if (auto flushed = flush(deadline); !flushed) return lost(flushed.error());
  }
  return base::Done{};
}

PostgresConnection::Result<PostgresConnection::Reply> PostgresConnection::end_copy(const Deadline& deadline) {
  for (;;) {
    const int taken = PQputCopyEnd(connection_, nullptr);
    if (taken < 0) return lost(one_line(PQerrorMessage(connection_)));
    if (auto flushed = flush(deadline); !flushed) return lost(flushed.error());
    if (taken == 1) break;
  }
  return finish_statements(deadline);
}

std::string PostgresConnection::quote(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'') out += '\'';
    if (c != '\0') out += c;
  }
  return out + "'";
}

}  // namespace rampart::storage
