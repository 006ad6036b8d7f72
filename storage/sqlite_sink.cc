#include "storage/sqlite_sink.h"

#include <sqlite3.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>

#include "storage/copy_text.h"
#include "storage/public_suffix.h"

namespace rampart::storage {
namespace {

// Somebody reading with a long transaction, or writing, makes us wait; the sink thread may.
constexpr int kBusyMs = 5'000;
// Looks at the deadline this often, in steps of SQLite's virtual machine (some 10 us each time).
constexpr int kProgressSteps = 2'000;
constexpr unsigned kDeleteRows = 5'000;

constexpr char kSchema[] =
    "CREATE TABLE IF NOT EXISTS log_entries (request_ts datetime NOT NULL, client_ip text, client_name text, "
    "duration_ms integer, reason text, response_type text, question_type text, question_name text, "
    "effective_tldp text, answer text, response_code text, hostname text);"
    "CREATE INDEX IF NOT EXISTS idx_log_entries_request_ts ON log_entries (request_ts);"
    "CREATE INDEX IF NOT EXISTS idx_log_entries_client_name ON log_entries (client_name);"
    "CREATE INDEX IF NOT EXISTS idx_log_entries_response_type ON log_entries (response_type);"
    "CREATE TABLE IF NOT EXISTS rampart_spool_replay (batch text PRIMARY KEY, "
    "at datetime NOT NULL DEFAULT CURRENT_TIMESTAMP);";

}  // namespace

SqliteSink::SqliteSink(SqliteSinkOptions options) : options_(std::move(options)) {}
SqliteSink::~SqliteSink() { close(); }

void SqliteSink::close() noexcept {
  sqlite3_finalize(insert_);
  sqlite3_close(database_);
  insert_ = nullptr;
  database_ = nullptr;
}

std::string SqliteSink::last_error() const {
  return options_.path + ": " + (database_ == nullptr ? "out of memory" : sqlite3_errmsg(database_));
}

base::Status SqliteSink::run(const std::string& sql) {
  if (sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) return base::Error{last_error()};
  return base::Done{};
}

base::Status SqliteSink::open(const Deadline&) {
  close();
  const std::filesystem::path directory = std::filesystem::path(options_.path).parent_path();
  std::error_code error;
  if (!directory.empty() && std::filesystem::create_directories(directory, error))
    ::chmod(directory.c_str(), 0750);
  if (error) return base::Error{"queryLog.target: directory " + directory.string() + " cannot be created: " + error.message()};
  if (sqlite3_open_v2(options_.path.c_str(), &database_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
                      nullptr) != SQLITE_OK) {
    base::Status status = base::Error{last_error()};
    close();
    return status;
  }
  sqlite3_busy_timeout(database_, kBusyMs);
  base::Status prepared = run("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;");
  if (prepared) prepared = run(std::string("BEGIN IMMEDIATE; ") + kSchema + " COMMIT");
  if (prepared && sqlite3_prepare_v3(database_,
                                     ("INSERT INTO log_entries (" + std::string(kLogEntryColumns) +
                                      ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)").c_str(),
                                     -1, SQLITE_PREPARE_PERSISTENT, &insert_, nullptr) != SQLITE_OK)
    prepared = base::Error{last_error()};
  if (!prepared) close();
  return prepared;
}

int SqliteSink::insert(const LogEntry& entry) {
  int column = 0;
  const auto bind = [&](std::string_view text) {
    sqlite3_bind_text(insert_, ++column, text.data() == nullptr ? "" : text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
  };
  const std::string time = utc_text(entry.start_unix_us) + "+00:00";
  join_client_names(entry.client_names, "; ", names_);
  fold_question_name(entry.question_name, qname_);
  effective_tld_plus_one(qname_, domain_);
  bind(time);
  bind(entry.client_ip);
  bind(names_);
  sqlite3_bind_int64(insert_, ++column, entry.duration_ms);
  for (const std::string_view text : {entry.reason, entry.response_type, entry.question_type, std::string_view(qname_),
                                      std::string_view(domain_), entry.answer, entry.response_code, entry.instance})
    bind(text);
  const int step = sqlite3_step(insert_);
  sqlite3_reset(insert_);
  return step;
}

WriteResult SqliteSink::write(const EntryBatch& batch, const Deadline& deadline) {
  using Outcome = WriteResult::Outcome;
  // A reader's lock or a slow disk shall not keep us beyond the deadline.
  sqlite3_progress_handler(
      database_, kProgressSteps,
      [](void* context) { return static_cast<const Deadline*>(context)->has_passed() ? 1 : 0; },
      const_cast<Deadline*>(&deadline));
  struct Unhook {
    sqlite3* database;
    ~Unhook() { sqlite3_progress_handler(database, 0, nullptr, nullptr); }
  } const unhook{database_};
  sqlite3_busy_timeout(database_, static_cast<int>(std::clamp<std::int64_t>(
      std::chrono::ceil<std::chrono::milliseconds>(deadline.left()).count(), 1, kBusyMs)));
  const auto failed = [&](bool refused, std::string error) {
    if (!sqlite3_get_autocommit(database_)) sqlite3_exec(database_, "ROLLBACK", nullptr, nullptr, nullptr);
    return WriteResult{refused ? Outcome::kRefused : Outcome::kFailed, 0, std::move(error)};
  };
  std::string begin = "BEGIN IMMEDIATE; ";
  if (forgettable_) begin += "DELETE FROM rampart_spool_replay WHERE batch = '" + to_text(*forgettable_) + "'; ";
  begin += "INSERT OR IGNORE INTO rampart_spool_replay (batch) VALUES ('" + to_text(batch.id()) + "')";
  if (auto begun = run(begin); !begun) return failed(false, begun.error());
  if (sqlite3_changes(database_) == 1) {
    int step = SQLITE_DONE;
    batch.for_each([&](const LogEntry& entry) { return (step = insert(entry)) == SQLITE_DONE; });
    if (step != SQLITE_DONE) return failed(step == SQLITE_CONSTRAINT, last_error());
  }
  if (auto committed = run("COMMIT"); !committed) return failed(false, "at commit: " + committed.error());
  forgettable_ = batch.id();
  return {Outcome::kDone, batch.count(), {}};
}

/// RetentionClock's, by two looks at the ends of the index.
base::Result<std::optional<base::WallTime>, std::string> SqliteSink::find_witness() {
  static const std::string kSql =
      "WITH newest(ts) AS (SELECT max(request_ts) FROM log_entries) SELECT strftime('%s', coalesce((SELECT "
      "max(request_ts) FROM log_entries WHERE request_ts <= (SELECT strftime('%Y-%m-%d %H:%M:%S', ts, '-" +
      std::to_string(RetentionClock::kProof.count()) + " days') FROM newest)), ts)) FROM newest";
  std::string seconds;
  const auto take = [](void* out, int, char** fields, char**) {
    if (fields[0] != nullptr) *static_cast<std::string*>(out) = fields[0];
    return 0;
  };
  if (sqlite3_exec(database_, kSql.c_str(), take, &seconds, nullptr) != SQLITE_OK) return base::Error{last_error()};
  if (seconds.empty()) return std::optional<base::WallTime>();
  return std::optional(base::WallTime(std::chrono::seconds(std::strtoll(seconds.c_str(), nullptr, 10))));
}

base::Status SqliteSink::maintain(base::WallTime now, const Deadline& deadline) {
  if (auto forgotten = run("DELETE FROM rampart_spool_replay WHERE at < datetime('now', '-30 days')"); !forgotten) return forgotten;
  if (options_.retention_days == 0) return base::Done{};
  const auto witness = find_witness();
  if (!witness) return base::Error{witness.error()};
  const auto before = retention_clock_.count_from(now, base::monotonic_now(), *witness) -
                      std::chrono::days(options_.retention_days);
  const std::string statement =
      "DELETE FROM log_entries WHERE rowid IN (SELECT rowid FROM log_entries WHERE request_ts < '" +
      utc_text(std::chrono::duration_cast<std::chrono::microseconds>(before.time_since_epoch()).count()) + "' LIMIT " +
      std::to_string(kDeleteRows) + ")";
  while (!deadline.has_passed()) {
    if (auto deleted = run(statement); !deleted) return deleted;
    if (sqlite3_changes(database_) == 0) break;
  }
  return base::Done{};
}

}  // namespace rampart::storage
