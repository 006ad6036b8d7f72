// The statements behind PostgresSink. Everything here may be run by several instances at once, and again.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace rampart::storage::postgres_schema {

inline constexpr std::string_view kTable = "log_entries";
/// Marks, as the table's comment, that we created it and may manage its partitions.
inline constexpr std::string_view kOurs = "rampart: partitioned by day (UTC)";

/// For what runs once: creating, dropping, deleting.
inline constexpr std::chrono::milliseconds kSchemaTime{20'000};

/// kind ("r", "p"; no row if there is no table) and comment of the table, and "t" if its columns have the types of
/// those that we create, so that COPY may be binary.
[[nodiscard]] std::string describe_table();
/// The table with its indexes; plain when `timescale`, which brings its own partitions.
[[nodiscard]] std::string create_table(bool timescale, std::uint32_t retention_days);
[[nodiscard]] std::string create_replay_table();
/// Begins a transaction that the server itself ends after `time` for each statement, also when we are gone.
[[nodiscard]] std::string begin(std::chrono::milliseconds time = kSchemaTime);

/// "2023-11-14"
[[nodiscard]] std::string day_text(std::int32_t days_since_epoch);
/// "log_entries_d20231114"
[[nodiscard]] std::string partition_name(std::int32_t days_since_epoch);
/// The day of a partition name, or INT32_MIN for any other name.
[[nodiscard]] std::int32_t day_of_partition(std::string_view name);
/// One row if the partition is attached.
[[nodiscard]] std::string find_partition(std::int32_t day);
/// Creates and attaches, without a lock that readers or writers of the table would feel.
[[nodiscard]] std::string create_partition(std::int32_t day);
[[nodiscard]] std::string list_partitions();

}  // namespace rampart::storage::postgres_schema
