#include "storage/csv_sink.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <filesystem>
#include <iterator>
#include <optional>
#include <vector>

namespace rampart::storage {
namespace {

constexpr std::size_t kFileNameMax = 250;  // NAME_MAX is 255 on every file system in use

std::tm local_time(std::int64_t unix_us) {
  const auto seconds = static_cast<std::time_t>(unix_us / 1'000'000 - (unix_us % 1'000'000 < 0 ? 1 : 0));
  std::tm local{};
  localtime_r(&seconds, &local);
  return local;
}

std::string format_time(const std::tm& time, const char* format) {
  char buffer[48];
  return {buffer, std::strftime(buffer, sizeof buffer, format, &time)};
}

/// Unicode's White_Space, as the first character of a field.
bool starts_with_space(std::string_view field) {
  if ((field[0] >= '\t' && field[0] <= '\r') || field[0] == ' ') return true;
  for (const std::string_view space : {"\u0085", "\u00a0", "\u1680", "\u2028", "\u2029", "\u202f", "\u205f", "\u3000"})
    if (field.starts_with(space)) return true;
  // U+2000..200A
  return field.size() >= 3 && field.starts_with("\xe2\x80") && static_cast<unsigned char>(field[2]) <= 0x8a;
}

/// The day of a file that csv_file_name() named.
std::optional<std::chrono::sys_days> date_of_file(const std::string& name) {
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  int used = 0;
  if (!name.ends_with(".log") || name.size() < 10 ||
      std::sscanf(name.c_str(), "%4d-%2u-%2u%n", &year, &month, &day, &used) != 3 || used != 10)
    return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month), std::chrono::day(day)};
  return date.ok() ? std::optional<std::chrono::sys_days>(date) : std::nullopt;
}

/// A write that can be taken back.
struct Appended {
  std::string path;
  off_t size_before;
};

bool append_to_file(const std::string& path, std::string_view text, std::vector<Appended>& done, std::string& error) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  struct stat info {};
  if (fd < 0 || ::fstat(fd, &info) != 0) {
    error = path + ": " + std::strerror(errno);
    if (fd >= 0) ::close(fd);
    return false;
  }
  done.push_back({path, info.st_size});
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      error = path + ": " + std::strerror(errno);
      break;
    }
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  // Some file systems tell only here that there was no room.
  if (::close(fd) != 0 && text.empty()) {
    error = path + ": " + std::strerror(errno);
    return false;
  }
  return text.empty();
}

}  // namespace

void append_csv_field(std::string_view field, std::string& out) {
  const bool needs_quotes = !field.empty() && (field == "\\." || field.find_first_of("\t\n\r\"") != std::string_view::npos ||
                                               starts_with_space(field));
  if (!needs_quotes) {
    out += field;
    return;
  }
  out += '"';
  for (const char c : field) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

void append_csv_line(const LogEntry& entry, std::string& out) {
  std::string names;
  join_client_names(entry.client_names, "; ", names);
  const std::string time = format_time(local_time(entry.start_unix_us), "%Y-%m-%d %H:%M:%S");
  const std::string duration = std::to_string(entry.duration_ms);
  char separator = 0;
  for (const std::string_view field :
       {std::string_view(time), entry.client_ip, std::string_view(names), std::string_view(duration), entry.reason,
        entry.question_name, entry.answer, entry.response_code, entry.response_type, entry.question_type, entry.instance}) {
    if (separator != 0) out += separator;
    separator = '\t';
    append_csv_field(field, out);
  }
  out += '\n';
}

std::string csv_file_name(const LogEntry& entry, bool for_each_client) {
  std::string name = format_time(local_time(entry.start_unix_us), "%Y-%m-%d") + "_";
  if (!for_each_client) return name + "ALL.log";
  std::string names;
  join_client_names(entry.client_names, "-", names);
  bool in_run = false;
  for (const char c : names) {
    const bool is_kept = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    if (is_kept) name += c;
    else if (!in_run) name += '_';
    in_run = !is_kept;
  }
  if (name.size() > kFileNameMax) name.resize(kFileNameMax);
  return name + ".log";
}

CsvSink::CsvSink(CsvSinkOptions options) : options_(std::move(options)) {}

base::Status CsvSink::open(const Deadline&) {
  const std::string directory = options_.directory.empty() ? "." : options_.directory;
  struct stat info {};
  if (::stat(directory.c_str(), &info) != 0)
    return base::Error{"queryLog.target " + directory + ": " + std::strerror(errno) + "; create the directory"};
  if (!S_ISDIR(info.st_mode)) return base::Error{"queryLog.target " + directory + " is no directory"};
  if (::access(directory.c_str(), W_OK | X_OK) != 0)
    return base::Error{"queryLog.target " + directory + " cannot be written: " + std::strerror(errno)};
  return base::Done{};
}

WriteResult CsvSink::write(const EntryBatch& batch, const Deadline&) {
  std::map<std::string, std::string> text_of_file;
  batch.for_each([&](const LogEntry& entry) {
    append_csv_line(entry, text_of_file[csv_file_name(entry, options_.for_each_client)]);
    return true;
  });
  const std::string prefix = options_.directory.empty() ? "" : options_.directory + "/";
  std::vector<Appended> done;
  std::string error;
  for (const auto& [name, text] : text_of_file) {
    if (append_to_file(prefix + name, text, done, error)) continue;
    for (const Appended& file : done)
      if (::truncate(file.path.c_str(), file.size_before) != 0) error += "; " + file.path + " may hold entries twice";
    return {WriteResult::Outcome::kFailed, 0, error};
  }
  return {WriteResult::Outcome::kDone, batch.count(), {}};
}

base::Status CsvSink::maintain(base::WallTime now, const Deadline&) {
  if (options_.retention_days == 0) return base::Done{};
  using std::chrono::days;
  using std::chrono::sys_days;
  const std::filesystem::path directory = options_.directory.empty() ? "." : options_.directory;
  std::multimap<sys_days, std::filesystem::path> files;
  std::error_code error;
  for (const auto& file : std::filesystem::directory_iterator(directory, error))
    if (const auto date = date_of_file(file.path().filename().string())) files.emplace(*date, file.path());
  if (error) return base::Error{directory.string() + ": " + error.message()};
  if (files.empty()) return base::Done{};

  const auto beyond = files.upper_bound(files.rbegin()->first - RetentionClock::kProof);
  const sys_days witness = beyond == files.begin() ? files.rbegin()->first : std::prev(beyond)->first;
  const std::tm tm = local_time(std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count());
  const sys_days today{std::chrono::year(tm.tm_year + 1900) / (tm.tm_mon + 1) / tm.tm_mday};
  const auto from = std::chrono::floor<days>(retention_clock_.count_from(today, base::monotonic_now(), witness));
  for (const auto& [date, path] : files) {
    if (from - date <= days{options_.retention_days}) break;
    std::error_code removed;
    std::filesystem::remove(path, removed);
    if (removed) return base::Error{path.string() + ": " + removed.message()};
  }
  return base::Done{};
}

}  // namespace rampart::storage
