// Blocky's `log_entries` table in PostgreSQL or TimescaleDB, written by COPY, one transaction for each batch.
//
// Exactly once: the transaction also puts the batch's ID into `rampart_spool_replay`. When a commit's answer is
// lost, or the process dies before it crossed the batch off its spool, the next try finds the ID and skips the rows.
//
// Where we create the table it is partitioned by day (UTC), so that retention drops a day in one step; a table that
// is there already (Blocky's) is used as it stands, and old rows are deleted in small batches.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "storage/copy_binary.h"
#include "storage/copy_text.h"
#include "storage/postgres_connection.h"
#include "storage/query_sink.h"

namespace rampart::storage {

struct PostgresSinkOptions {
  std::string target;
  bool timescale = false;
  std::uint32_t retention_days = 0;
  std::chrono::milliseconds connect_timeout{3'000};  ///< shared by the hosts of the target
};

class PostgresSink final : public QuerySink {
 public:
  explicit PostgresSink(PostgresSinkOptions options);
  [[nodiscard]] std::string_view name() const noexcept override { return options_.timescale ? "timescale" : "postgresql"; }
  [[nodiscard]] base::Status open(const Deadline& deadline) override;
  [[nodiscard]] WriteResult write(const EntryBatch& batch, const Deadline& deadline) override;
  [[nodiscard]] base::Status maintain(base::WallTime now, const Deadline& deadline) override;
  void close() noexcept override;
  [[nodiscard]] bool is_idempotent() const noexcept override { return true; }

 private:
  [[nodiscard]] base::Status prepare_schema(const Deadline& deadline);
  [[nodiscard]] PostgresConnection::Result<PostgresConnection::Reply> copy_rows(const EntryBatch& batch,
                                                                                const Deadline& deadline);
  [[nodiscard]] base::Status create_table(const Deadline& deadline);
  [[nodiscard]] PostgresConnection::Result<base::Done> ensure_day(std::int32_t day, const Deadline& deadline);
  [[nodiscard]] base::Status drop_old_days(std::int32_t first_kept_day, const Deadline& deadline);
  [[nodiscard]] base::Status delete_old_rows(std::int64_t before_us, const Deadline& deadline);

  const PostgresSinkOptions options_;
  PostgresConnection connection_;
  bool has_day_partitions_ = false;  ///< the table is one that we made
  bool takes_binary_ = false;        ///< its columns have the types that we would give them
  bool remembers_batches_ = false;   ///< `rampart_spool_replay` can be used
  bool told_about_ids_ = false;
  bool told_about_words_ = false;
  std::set<std::int32_t> days_;      ///< whose partitions are known to exist
  std::optional<BatchId> forgettable_;  ///< batch whose commit was seen; its ID has served
  CopyBinaryWriter binary_;
  CopyTextWriter text_;
  std::string rows_;  ///< being made
};

}  // namespace rampart::storage
