#include "storage/console_sink.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <vector>

#include "base/log.h"

namespace rampart::storage {
namespace {

// A pipe that polls writable has room for this much, so a write of it does not wait (pipe(7), PIPE_BUF).
constexpr std::size_t kPieceBytes = 4096;
// A file never makes a writer wait for a reader, so it is written in pieces that make the system calls count little.
constexpr std::size_t kFilePieceBytes = 64 * 1024;

}  // namespace

LineWriter::LineWriter(int fd) noexcept : fd_(fd) {
  struct stat about {};
  is_file_ = fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
  piece_bytes_ = is_file_ ? kFilePieceBytes : kPieceBytes;
}

bool LineWriter::add(std::string_view line, const Deadline& deadline) {
  // Never split a line over two writes if it fits one: other writers of stdout put theirs between.
  bool ok = true;
  if (!gathered_.empty() && gathered_.size() + line.size() + 1 > piece_bytes_) ok = flush(deadline);
  if (!ok) {
    ++unwritten_;
    return false;
  }
  gathered_ += line;
  gathered_ += '\n';
  ++lines_;
  return gathered_.size() < piece_bytes_ || flush(deadline);
}

bool LineWriter::flush(const Deadline& deadline) {
  std::string_view rest = gathered_;
  while (!rest.empty()) {
    pollfd ready{fd_, POLLOUT, 0};
    const int count = is_file_ ? 1 : ::poll(&ready, 1, deadline.slice_ms());
    if (count == 0 || (count < 0 && errno == EINTR)) {
      if (!deadline.has_passed()) continue;
      error_ = "stdout takes nothing";
      break;
    }
    const ssize_t written = ::write(fd_, rest.data(), std::min(rest.size(), piece_bytes_));
    if (written < 0) {
      if (errno == EINTR || (errno == EAGAIN && !deadline.has_passed())) continue;
      error_ = std::string("stdout: ") + std::strerror(errno);
      break;
    }
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  const bool ok = rest.empty();
  if (!ok) {
    const std::string_view done = std::string_view(gathered_).substr(0, gathered_.size() - rest.size());
    const auto out = static_cast<std::uint32_t>(std::count(done.begin(), done.end(), '\n'));
    unwritten_ += lines_ - out;
  }
  gathered_.clear();
  lines_ = 0;
  return ok;
}

void append_console_line(const LogEntry& entry, std::string& out) {
  // Blocky separates the names by "; "; one name, the ordinary case, needs no copy.
  std::string joined;
  std::string_view names = entry.client_names;
  if (names.find('\n') != std::string_view::npos) {
    join_client_names(names, "; ", joined);
    names = joined;
  }
  char duration[12];
  const auto end = std::to_chars(duration, duration + sizeof(duration), entry.duration_ms).ptr;
  // In the order of the keys, as every line of the log; empty ones are left out.
  const base::log::FieldView all[] = {
      {"answer", entry.answer},
      {"client_ip", entry.client_ip},
      {"client_names", names},
      {"duration_ms", entry.duration_ms == 0 ? std::string_view() : std::string_view(duration, end)},
      {"instance", entry.instance},
      {"question_name", entry.question_name},
      {"question_type", entry.question_type},
      {"response_code", entry.response_code},
      {"response_reason", entry.reason},
      {"response_type", entry.response_type}};
  std::array<base::log::FieldView, std::size(all)> present;
  const auto last = std::copy_if(std::begin(all), std::end(all), present.begin(),
                                 [](const auto& field) { return !field.value.empty(); });
  base::log::append_line(out, base::log::Level::kInfo, "queryLog", "query resolved",
                         {present.data(), static_cast<std::size_t>(last - present.begin())});
}

std::uint32_t print_entries(const EntryBatch& batch, LineWriter& writer, const Deadline& deadline) {
  std::uint32_t tried = 0;
  bool ok = true;
  std::string line;  // keeps its memory from entry to entry
  batch.for_each([&](const LogEntry& entry) {
    ++tried;
    line.clear();
    append_console_line(entry, line);
    ok = writer.add(line, deadline);
    return ok;
  });
  if (ok) ok = writer.flush(deadline);
  return tried - writer.take_unwritten();
}

WriteResult ConsoleSink::write(const EntryBatch& batch, const Deadline& deadline) {
  // `log.level` above info hides these lines, as it does in Blocky; that is a choice and no loss.
  if (!base::log::enabled(base::log::Level::kInfo)) return {WriteResult::Outcome::kDone, batch.count(), {}};
  const std::uint32_t printed = print_entries(batch, writer_, deadline);
  if (printed == batch.count()) return {WriteResult::Outcome::kDone, printed, {}};
  return {WriteResult::Outcome::kFailed, printed, writer_.error()};
}

}  // namespace rampart::storage
