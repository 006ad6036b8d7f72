// The query log in an SQLite file: the embedded database that people can query without setting anything up.
// One transaction for each batch, with the batch's ID in it, as for PostgreSQL.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "storage/query_sink.h"
#include "storage/retention_clock.h"

struct sqlite3;
struct sqlite3_stmt;

namespace rampart::storage {

struct SqliteSinkOptions {
  std::string path;
  std::uint32_t retention_days = 0;
};

class SqliteSink final : public QuerySink {
 public:
  explicit SqliteSink(SqliteSinkOptions options);
  ~SqliteSink() override;
  [[nodiscard]] std::string_view name() const noexcept override { return "sqlite"; }
  [[nodiscard]] base::Status open(const Deadline& deadline) override;
  [[nodiscard]] WriteResult write(const EntryBatch& batch, const Deadline& deadline) override;
  [[nodiscard]] base::Status maintain(base::WallTime now, const Deadline& deadline) override;
  void close() noexcept override;
  [[nodiscard]] bool is_idempotent() const noexcept override { return true; }

 private:
  [[nodiscard]] base::Status run(const std::string& sql);
  [[nodiscard]] std::string last_error() const;
  [[nodiscard]] int insert(const LogEntry& entry);
  [[nodiscard]] base::Result<std::optional<base::WallTime>, std::string> find_witness();

  const SqliteSinkOptions options_;
  sqlite3* database_ = nullptr;
  sqlite3_stmt* insert_ = nullptr;
  RetentionClock retention_clock_;
  std::optional<BatchId> forgettable_;  ///< committed; its ID has served
  std::string qname_, domain_, names_;
};

}  // namespace rampart::storage
