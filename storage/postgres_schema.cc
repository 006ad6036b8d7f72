#include "storage/postgres_schema.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>

namespace rampart::storage::postgres_schema {
namespace {

// Any fixed number; instances that create tables at the same moment queue up on it.
constexpr std::string_view kSchemaLock = "SELECT pg_advisory_xact_lock(7238741); ";

constexpr std::string_view kColumns =
    "request_ts timestamptz NOT NULL, client_ip text, client_name text, duration_ms bigint, reason text, "
    "response_type text, question_type text, question_name text, effective_tldp text, answer text, "
    "response_code text, hostname text";

// Everybody who reads the log asks for a span of time first, and for the newest rows of it. Within the span a client
// that appears seldom is found by a bloom filter for each 128 pages, which costs the writer a fraction of a tree. More
// trees (Blocky's third, on the response type, and its key) halve the speed of COPY and are of no use to a dashboard.
constexpr std::string_view kIndexes =
    "CREATE INDEX IF NOT EXISTS idx_log_entries_request_ts ON log_entries (request_ts); "
    "CREATE INDEX IF NOT EXISTS idx_log_entries_client_name ON log_entries USING brin (client_name text_bloom_ops); ";

}  // namespace

std::string begin(std::chrono::milliseconds time) {
  const std::string ms = std::to_string(std::max<std::int64_t>(time.count(), 1));
  // Waiting for a lock ends sooner: whoever holds it would otherwise have our waiter before everybody else.
  return "BEGIN; SET LOCAL lock_timeout = '2s'; SET LOCAL statement_timeout = " + ms +
         "; SET LOCAL idle_in_transaction_session_timeout = " + ms + "; ";
}

std::string describe_table() {
  return "SELECT c.relkind::text, coalesce(obj_description(c.oid, 'pg_class'), ''), "
         "(SELECT count(*) = 12 FROM pg_attribute a WHERE a.attrelid = c.oid AND NOT a.attisdropped AND CASE "
         "WHEN a.attname = 'request_ts' THEN a.atttypid = 'timestamptz'::regtype "
         "WHEN a.attname = 'duration_ms' THEN a.atttypid = 'int8'::regtype "
         "ELSE a.atttypid = 'text'::regtype AND a.attname IN ('client_ip', 'client_name', 'reason', 'response_type', "
         "'question_type', 'question_name', 'effective_tldp', 'answer', 'response_code', 'hostname') END)::text "
         "FROM pg_class c WHERE c.oid = to_regclass('log_entries')";
}

std::string create_table(bool timescale, std::uint32_t retention_days) {
  std::string sql = begin();
  sql += kSchemaLock;
  sql += "CREATE TABLE IF NOT EXISTS log_entries (";
  sql += kColumns;
  if (timescale) {
    sql += "); SELECT create_hypertable('log_entries', by_range('request_ts'), if_not_exists => TRUE); ";
    if (retention_days > 0)
      sql += "SELECT add_retention_policy('log_entries', drop_after => INTERVAL '" + std::to_string(retention_days) +
             " days', if_not_exists => TRUE); ";
    sql += kIndexes;
  } else {
    // Blocky adds the column if it is missing, and its key, which a partitioned table cannot have; nobody looks for it.
    sql += ", id bigserial) PARTITION BY RANGE (request_ts); "
           "ALTER SEQUENCE log_entries_id_seq CACHE 1000; ";
    sql += kIndexes;
    sql += "COMMENT ON TABLE log_entries IS '" + std::string(kOurs) + "'; ";
  }
  return sql + "COMMIT";
}

std::string create_replay_table() {
  return begin() + std::string(kSchemaLock) +
         "CREATE TABLE IF NOT EXISTS rampart_spool_replay (batch uuid PRIMARY KEY, "
         "at timestamptz NOT NULL DEFAULT now()); COMMIT";
}

std::string day_text(std::int32_t days_since_epoch) {
  const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{days_since_epoch}}};
  char buffer[32];
  const int n = std::snprintf(buffer, sizeof buffer, "%04d-%02u-%02u", static_cast<int>(date.year()),
                              static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
  return {buffer, static_cast<std::size_t>(n)};
}

std::string partition_name(std::int32_t days_since_epoch) {
  const std::string day = day_text(days_since_epoch);
  return "log_entries_d" + day.substr(0, 4) + day.substr(5, 2) + day.substr(8, 2);
}

std::int32_t day_of_partition(std::string_view name) {
  constexpr std::string_view kPrefix = "log_entries_d";
  if (!name.starts_with(kPrefix) || name.size() != kPrefix.size() + 8) return INT32_MIN;
  int number = 0;
  const auto [end, error] = std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size()) return INT32_MIN;
  const std::chrono::year_month_day date{std::chrono::year(number / 10000),
                                         std::chrono::month(static_cast<unsigned>(number / 100 % 100)),
                                         std::chrono::day(static_cast<unsigned>(number % 100))};
  if (!date.ok()) return INT32_MIN;
  return static_cast<std::int32_t>(std::chrono::sys_days{date}.time_since_epoch().count());
}

std::string find_partition(std::int32_t day) {
  return "SELECT 1 FROM pg_inherits WHERE inhparent = to_regclass('log_entries') AND inhrelid = to_regclass('" +
         partition_name(day) + "')";
}

std::string create_partition(std::int32_t day) {
  const std::string name = partition_name(day);
  // ATTACH takes a weaker lock on the table than CREATE ... PARTITION OF: neither a long SELECT of a dashboard nor
  // another instance's COPY holds it up. Who comes second finds the work done.
  return begin() + std::string(kSchemaLock) + "DO $$ BEGIN IF NOT EXISTS (" + find_partition(day) +
         ") THEN CREATE TABLE " + name + " (LIKE log_entries INCLUDING DEFAULTS INCLUDING CONSTRAINTS); " +
         "ALTER TABLE log_entries ATTACH PARTITION " + name + " FOR VALUES FROM ('" + day_text(day) +
         " 00:00:00+00') TO ('" + day_text(day + 1) + " 00:00:00+00'); END IF; END $$; COMMIT";
}

std::string list_partitions() {
  return "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
         "WHERE i.inhparent = to_regclass('log_entries')";
}

}  // namespace rampart::storage::postgres_schema
