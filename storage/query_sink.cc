#include "storage/query_sink.h"

#include "storage/console_sink.h"
#include "storage/csv_sink.h"
#include "storage/postgres_sink.h"
#include "storage/sqlite_sink.h"

namespace rampart::storage {
namespace {

base::Error<std::string> not_built(std::string_view type) {
  return base::Error{"queryLog.type: " + std::string(type) +
                     " is not built into this version; use postgresql, timescale, sqlite, csv, csv-client, "
                     "console or none"};
}

}  // namespace

base::Result<std::unique_ptr<QuerySink>, std::string> make_query_sink(const QueryLogOptions& options) {
  using Made = std::unique_ptr<QuerySink>;
  switch (options.type) {
    case QueryLogType::kConsole: return Made(std::make_unique<ConsoleSink>(options.stdout_fd));
    case QueryLogType::kMysql: return not_built("mysql");
    case QueryLogType::kDnstap: return not_built("dnstap");
    case QueryLogType::kPostgresql:
    case QueryLogType::kTimescale:
      return Made(std::make_unique<PostgresSink>(
          PostgresSinkOptions{options.target, options.type == QueryLogType::kTimescale, options.retention_days,
                              options.connect_timeout}));
    case QueryLogType::kSqlite:
      if (options.target.empty()) return base::Error{std::string("queryLog.target: type sqlite needs the path of a file")};
      return Made(std::make_unique<SqliteSink>(SqliteSinkOptions{options.target, options.retention_days}));
    case QueryLogType::kCsv:
    case QueryLogType::kCsvClient:
      return Made(std::make_unique<CsvSink>(
          CsvSinkOptions{options.target, options.type == QueryLogType::kCsvClient, options.retention_days}));
    case QueryLogType::kNone: break;
  }
  return base::Error{std::string("queryLog.type: none has no sink")};
}

}  // namespace rampart::storage
