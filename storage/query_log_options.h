// What the query log can be told: Blocky's `queryLog.*` keys, our spool, and bounds with their reasons.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace rampart::storage {

enum class QueryLogType : std::uint8_t {
  kConsole, kNone, kMysql, kPostgresql, kCsv, kCsvClient, kTimescale, kSqlite, kDnstap,
};

/// `queryLog.fields`: which parts of an entry are filled.
struct EntryFields {
  bool client_ip = true;
  bool client_name = true;
  bool response_reason = true;
  bool response_answer = true;
  bool question = true;
  bool duration = true;
  friend bool operator==(const EntryFields&, const EntryFields&) = default;
};

struct EntryOptions {
  EntryFields fields;
  bool privacy = false;                     ///< `log.privacy`: letters and digits of names and answers become '*'
  bool ignore_sudn = false;                 ///< `queryLog.ignore.sudn`: skip SPECIAL responses
  std::vector<std::string> ignore_domains;  ///< exact name, `*.name` (with the name itself) or `/regex/`
  std::string instance;                     ///< name of this instance in every entry; "" asks the system
  friend bool operator==(const EntryOptions&, const EntryOptions&) = default;
};

/// `queryLog.spool` (ours): where entries wait while the database is away. Databases only.
struct SpoolOptions {
  std::string path;                          ///< directory, created 0750; "" = no spool, fall back to stdout
  std::uint64_t bytes_max = 1ull << 30;      ///< the oldest segment is dropped, and counted, beyond this
  std::uint64_t segment_bytes = 8ull << 20;  ///< unit of that dropping and of removal after replay
  friend bool operator==(const SpoolOptions&, const SpoolOptions&) = default;
};

struct QueryEventView;
struct QueryEventTexts;
using QueryObserver = std::function<void(const QueryEventView& event, const QueryEventTexts& texts)>;

struct QueryLogOptions {
  QueryLogType type = QueryLogType::kConsole;
  std::string target;                        ///< directory, connection string or file, by type
  std::uint32_t retention_days = 0;          ///< 0 keeps everything
  std::chrono::milliseconds flush_interval{30'000};  ///< databases; below 100 ms counts as 100 ms
  std::chrono::milliseconds retry_pause{1'000};      ///< between attempts to (re)join a sink that is down, <= 2 s
  std::chrono::milliseconds connect_timeout{3'000};  ///< one attempt to open a database
  std::chrono::milliseconds write_timeout{5'000};    ///< one batch, connected or not; a hung database counts as down
  EntryOptions entry;
  SpoolOptions spool;
  std::size_t ring_bytes = 2u << 20;         ///< for each worker: some 8000 events, 40 ms at 200,000 queries/s
  std::size_t batch_bytes = 1u << 20;        ///< a batch is handed on at this size even before flush_interval
  std::size_t queue_bytes_max = 32u << 20;   ///< between drain and sink; beyond it entries go to the fallback
  int stdout_fd = 1;                         ///< for tests
  /// Sees every event before fields, privacy and ignore rules apply: for metrics and statistics. Drain thread.
  std::shared_ptr<const QueryObserver> observer;
  friend bool operator==(const QueryLogOptions&, const QueryLogOptions&) = default;
};

}  // namespace rampart::storage
