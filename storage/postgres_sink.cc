#include "storage/postgres_sink.h"

#include <algorithm>
#include <charconv>

#include "base/log.h"
#include "storage/postgres_schema.h"

namespace rampart::storage {
namespace {

using Outcome = WriteResult::Outcome;
namespace schema = postgres_schema;

constexpr std::int64_t kDayMicroseconds = 86'400'000'000;
// A target may name several hosts; they share the connect timeout, but each gets a chance.
constexpr std::chrono::milliseconds kHostTimeMin{300};
// Old rows of a foreign table go in pieces that hold their locks for milliseconds.
constexpr unsigned kDeleteRows = 5'000;
// Rows made before they are sent: the server works on one piece while we make the next.
constexpr std::size_t kPieceBytes = 64 << 10;
// Longer than any spool waits; IDs of batches replayed from a spool are forgotten after this.
constexpr std::string_view kForgetAfter = "30 days";

std::int64_t to_unix_us(base::WallTime time) {
  return std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
}

/// SQLSTATE classes that say "this data, never" (22 data exception, 23 constraint), and not "this server, not now".
bool is_about_the_data(const PostgresError& error) {
  return error.sqlstate.starts_with("22") || error.sqlstate.starts_with("23");
}

std::string words(const PostgresError& error) {
  return error.is_from_server() ? error.text + " (SQLSTATE " + error.sqlstate + ")" : error.text;
}

}  // namespace

PostgresSink::PostgresSink(PostgresSinkOptions options) : options_(std::move(options)) {}

void PostgresSink::close() noexcept {
  connection_.close();
  days_.clear();
}

base::Status PostgresSink::open(const Deadline& deadline) {
  close();
  const auto target = parse_postgres_target(options_.target);
  if (!target) return base::Error{target.error()};
  const auto time_for_each = std::max(options_.connect_timeout / static_cast<int>(target->hosts.size()), kHostTimeMin);
  const Deadline connect_deadline = deadline.before(base::monotonic_now() + options_.connect_timeout);
  if (auto connected = connection_.connect(*target, time_for_each, connect_deadline); !connected)
    return base::Error{words(connected.error())};
  if (!target->ignored.empty() && !told_about_words_) {
    std::string list;
    for (const std::string& word : target->ignored) list += (list.empty() ? "" : ", ") + word;
    base::log::warn("queryLog", "queryLog.target: words without effect here: " + list);
    told_about_words_ = true;
  }
  base::Status status = prepare_schema(deadline);
  if (!status) close();
  return status;
}

base::Status PostgresSink::prepare_schema(const Deadline& deadline) {
  auto found = connection_.execute(schema::describe_table(), deadline);
  if (!found) return base::Error{words(found.error())};
  if (found->rows.empty()) {
    if (auto created = create_table(deadline); !created) return created;
    found = connection_.execute(schema::describe_table(), deadline);
    if (!found) return base::Error{words(found.error())};
    if (found->rows.empty()) return base::Error{std::string("table log_entries was created but cannot be found")};
  }
  has_day_partitions_ = found->rows[0][0] == "p" && found->rows[0][1] == schema::kOurs;
  takes_binary_ = found->rows[0][2] == "true";

  // Looking costs no rights, so a table made by the administrator serves a user who may not create any.
  auto replay = connection_.execute("SELECT 1 WHERE to_regclass('rampart_spool_replay') IS NOT NULL", deadline);
  if (!replay) return base::Error{words(replay.error())};
  remembers_batches_ = !replay->rows.empty();
  if (!remembers_batches_) {
    auto created = connection_.execute(schema::create_replay_table(), deadline);
    if (!created && !created.error().is_from_server()) return base::Error{words(created.error())};
    remembers_batches_ = created.ok();
    if (!created) {
      if (auto ended = connection_.execute("ROLLBACK", deadline); !ended) return base::Error{words(ended.error())};
      if (!told_about_ids_)
        base::log::warn("queryLog", "cannot create table rampart_spool_replay: " + words(created.error()) +
                                        "; a batch whose commit was cut off may be written twice. Let an "
                                        "administrator create it: CREATE TABLE rampart_spool_replay (batch uuid "
                                        "PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())");
      told_about_ids_ = true;
    }
  }
  // A server that only reads (a standby), or a table that somebody has locked, is found out here and not with a
  // batch in hand.
  auto probe = connection_.execute(
      "BEGIN; SET LOCAL lock_timeout = '1s'; LOCK TABLE log_entries IN ROW EXCLUSIVE MODE; ROLLBACK", deadline);
  if (!probe) return base::Error{words(probe.error())};
  return base::Done{};
}

base::Status PostgresSink::create_table(const Deadline& deadline) {
  auto created = connection_.execute(schema::create_table(options_.timescale, options_.retention_days), deadline);
  if (created) return base::Done{};
  std::string text = "table log_entries cannot be created: " + words(created.error());
  if (options_.timescale && created.error().sqlstate == "42883")
    text += "; queryLog.type timescale needs TimescaleDB 2.13 or newer (CREATE EXTENSION timescaledb), otherwise use "
            "queryLog.type postgresql";
  return base::Error{text};
}

PostgresConnection::Result<base::Done> PostgresSink::ensure_day(std::int32_t day, const Deadline& deadline) {
  if (days_.contains(day)) return base::Done{};
  auto found = connection_.execute(schema::find_partition(day), deadline);
  if (!found) return base::Error{found.error()};
  if (found->rows.empty()) {
    auto created = connection_.execute(schema::create_partition(day), deadline);
    if (!created) return base::Error{created.error()};
  }
  days_.insert(day);
  return base::Done{};
}

PostgresConnection::Result<PostgresConnection::Reply> PostgresSink::copy_rows(const EntryBatch& batch,
                                                                              const Deadline& deadline) {
  static const std::string kCopyText = "COPY log_entries (" + std::string(kLogEntryColumns) + ") FROM STDIN";
  static const std::string kCopyBinary = kCopyText + " (FORMAT binary)";
  PostgresConnection::Result<base::Done> going =
      connection_.begin_copy(takes_binary_ ? kCopyBinary : kCopyText, deadline);
  if (!going) return base::Error{going.error()};
  rows_.clear();
  if (takes_binary_) CopyBinaryWriter::append_header(rows_);
  batch.for_each([&](const LogEntry& entry) {
    if (takes_binary_) binary_.append_row(entry, rows_);
    else text_.append_row(entry, rows_);
    if (rows_.size() < kPieceBytes) return true;
    going = connection_.put_copy(rows_, deadline);
    rows_.clear();
    return going.ok();
  });
  if (!going) return base::Error{going.error()};
  if (takes_binary_) CopyBinaryWriter::append_trailer(rows_);
  if (going = connection_.put_copy(rows_, deadline); !going) return base::Error{going.error()};
  return connection_.end_copy(deadline);
}

WriteResult PostgresSink::write(const EntryBatch& batch, const Deadline& deadline) {
  const auto failed = [](const PostgresError& error) {
    return WriteResult{is_about_the_data(error) ? Outcome::kRefused : Outcome::kFailed, 0, words(error)};
  };
  if (has_day_partitions_) {
    for (const std::int32_t day : days_of(batch))
      if (auto ensured = ensure_day(day, deadline); !ensured) return failed(ensured.error());
  }
  // The server gives up when we do, and holds no locks for a writer that has gone.
  std::string begin = schema::begin(std::chrono::ceil<std::chrono::milliseconds>(deadline.left()));
  if (remembers_batches_) {
    if (forgettable_)
      begin += "DELETE FROM rampart_spool_replay WHERE batch = '" + to_text(*forgettable_) + "'; ";
    begin += "INSERT INTO rampart_spool_replay (batch) VALUES ('" + to_text(batch.id()) + "') ON CONFLICT DO NOTHING";
  }
  auto begun = connection_.execute(begin, deadline);
  if (!begun) return failed(begun.error());
  const bool has_it_already = remembers_batches_ && begun->changed == 0;
  if (!has_it_already) {
    auto copied = copy_rows(batch, deadline);
    if (!copied) {
      // Refused data leaves a connection that is good for the next batch.
      WriteResult result = failed(copied.error());
      if (result.outcome == Outcome::kRefused)
        if (auto ended = connection_.execute("ROLLBACK", deadline); !ended) connection_.close();
      if (result.outcome == Outcome::kRefused && !connection_.is_open()) result.outcome = Outcome::kFailed;
      return result;
    }
  }
  auto committed = connection_.execute("COMMIT", deadline);
  if (!committed) {
    // From here on the server may have committed without our knowing, unless it says itself that it did not.
    const bool is_known = committed.error().is_from_server() || !remembers_batches_;
    return {is_known ? Outcome::kFailed : Outcome::kUnknown, 0, "at commit: " + words(committed.error())};
  }
  if (committed->tag != "COMMIT") return {Outcome::kFailed, 0, "the server rolled the transaction back"};
  forgettable_ = batch.id();
  return {Outcome::kDone, batch.count(), {}};
}

base::Status PostgresSink::maintain(base::WallTime now, const Deadline& deadline) {
  // The server's clock counts for all who write to it, and one that is ahead alone shall erase nothing.
  auto clock = connection_.execute("SELECT floor(extract(epoch FROM now()) * 1000000)::bigint", deadline);
  if (!clock) return base::Error{words(clock.error())};
  std::int64_t server_us = 0;
  for (const auto& row : clock->rows) std::from_chars(row[0].data(), row[0].data() + row[0].size(), server_us);
  const std::int64_t now_us = std::min(to_unix_us(now), server_us);
  if (remembers_batches_) {
    auto forgotten = connection_.execute(
        "DELETE FROM rampart_spool_replay WHERE at < now() - interval '" + std::string(kForgetAfter) + "'", deadline);
    if (!forgotten) return base::Error{words(forgotten.error())};
  }
  const auto today = static_cast<std::int32_t>(now_us / kDayMicroseconds);
  if (has_day_partitions_) {
    for (const std::int32_t day : {today, today + 1})
      if (auto ensured = ensure_day(day, deadline); !ensured) return base::Error{words(ensured.error())};
  }
  if (options_.retention_days == 0 || options_.timescale) return base::Done{};
  const std::int64_t before_us = now_us - std::int64_t{options_.retention_days} * kDayMicroseconds;
  if (has_day_partitions_) return drop_old_days(static_cast<std::int32_t>(before_us / kDayMicroseconds), deadline);
  return delete_old_rows(before_us, deadline);
}

base::Status PostgresSink::drop_old_days(std::int32_t first_kept_day, const Deadline& deadline) {
  auto partitions = connection_.execute(schema::list_partitions(), deadline);
  if (!partitions) return base::Error{words(partitions.error())};
  for (const auto& row : partitions->rows) {
    const std::int32_t day = schema::day_of_partition(row[0]);
    if (day == INT32_MIN || day >= first_kept_day) continue;
    // Somebody reading the table keeps us from dropping a part of it; then the next round will do.
    auto dropped = connection_.execute(schema::begin() + "DROP TABLE IF EXISTS " + schema::partition_name(day) + "; COMMIT",
                                       deadline);
    if (!dropped) {
      if (dropped.error().is_from_server())
        if (auto ended = connection_.execute("ROLLBACK", deadline); !ended) return base::Error{words(ended.error())};
      return base::Error{words(dropped.error())};
    }
    days_.erase(day);
  }
  return base::Done{};
}

base::Status PostgresSink::delete_old_rows(std::int64_t before_us, const Deadline& deadline) {
  const std::string statement =
      schema::begin() + "DELETE FROM log_entries WHERE ctid = ANY (ARRAY(SELECT ctid FROM log_entries WHERE request_ts < '" +
      utc_text(before_us) + "+00' LIMIT " + std::to_string(kDeleteRows) + "))";
  while (!deadline.has_passed()) {
    auto deleted = connection_.execute(statement, deadline);
    if (!deleted) {
      if (deleted.error().is_from_server())
        if (auto ended = connection_.execute("ROLLBACK", deadline); !ended) return base::Error{words(ended.error())};
      return base::Error{words(deleted.error())};
    }
    if (auto committed = connection_.execute("COMMIT", deadline); !committed)
      return base::Error{words(committed.error())};
    if (deleted->changed == 0) break;
  }
  return base::Done{};
}

}  // namespace rampart::storage
