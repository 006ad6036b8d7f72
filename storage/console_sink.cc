#include "storage/console_sink.h"

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

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

std::uint32_t LineWriter::write(std::string_view lines, std::uint32_t count, const Deadline& deadline) {
  std::string_view rest = lines;
  while (!rest.empty()) {
    pollfd ready{fd_, POLLOUT, 0};
    const int polled = is_file_ ? 1 : ::poll(&ready, 1, deadline.slice_ms());
    if (polled == 0 || (polled < 0 && errno == EINTR)) {
      if (!deadline.has_passed()) continue;
      error_ = "stdout takes nothing";
      break;
    }
    // A line is never split over two writes if it fits one: other writers of stdout put theirs between.
    std::string_view piece = rest.substr(0, piece_bytes_);
    if (const auto end = piece.rfind('\n'); end != std::string_view::npos) piece = piece.substr(0, end + 1);
    const ssize_t written = ::write(fd_, piece.data(), piece.size());
    if (written < 0) {
      if (errno == EINTR || (errno == EAGAIN && !deadline.has_passed())) continue;
      error_ = std::string("stdout: ") + std::strerror(errno);
      break;
    }
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  return count - static_cast<std::uint32_t>(std::count(rest.begin(), rest.end(), '\n'));
}

void EntryPrinter::append(std::string& out, const LogEntry& entry) {
  // Blocky separates the names by "; "; one name, the ordinary case, needs no copy.
  std::string_view names = entry.client_names;
  if (names.find('\n') != std::string_view::npos) {
    join_client_names(names, "; ", joined_);
    names = joined_;
  }
  char duration[12];
  std::string_view duration_ms;
  if (entry.duration_ms != 0) {
    const auto end = std::to_chars(duration, duration + sizeof(duration), entry.duration_ms).ptr;
    duration_ms = {duration, static_cast<std::size_t>(end - duration)};
  }
  // In the order of the keys, as every line of the log; empty ones are left out.
  std::array<base::log::FieldView, 10> fields;
  std::size_t count = 0;
  const auto add = [&](std::string_view key, std::string_view value, bool is_number = false) {
    if (value.empty()) return;
    base::log::FieldView& field = fields[count++];  // filled in its place: a copy of what was just written waits
    field.key = key;
    field.value = value;
    field.is_number = is_number;
  };
  add("answer", entry.answer);
  add("client_ip", entry.client_ip);
  add("client_names", names);
  add("duration_ms", duration_ms, true);
  add("instance", entry.instance);
  add("question_name", entry.question_name);
  add("question_type", entry.question_type);
  add("response_code", entry.response_code);
  add("response_reason", entry.reason);
  add("response_type", entry.response_type);
  form_.append(out, {fields.data(), count});
}

std::uint32_t print_entries(const EntryBatch& batch, LineWriter& writer, const Deadline& deadline) {
  EntryPrinter printer;
  printer.refresh();
  std::string lines;
  std::uint32_t gathered = 0, printed = 0;
  const auto write_out = [&] {
    const std::uint32_t out = writer.write(lines, gathered, deadline);
    const bool ok = out == gathered;
    printed += out;
    gathered = 0;
    lines.clear();
    return ok;
  };
  bool ok = true;
  batch.for_each([&](const LogEntry& entry) {
    printer.append(lines, entry);
    ++gathered;
    if (lines.size() >= kFilePieceBytes) ok = write_out();
    return ok;
  });
  if (ok) write_out();
  return printed;
}

WriteResult ConsoleSink::write(const EntryBatch& batch, const Deadline& deadline) {
  // `log.level` above info hides these lines, as it does in Blocky; that is a choice and no loss.
  if (!base::log::enabled(base::log::Level::kInfo)) return {WriteResult::Outcome::kDone, batch.count(), {}};
  const std::uint32_t printed = writer_.write(batch.bytes(), batch.count(), deadline);
  if (printed == batch.count()) return {WriteResult::Outcome::kDone, printed, {}};
  return {WriteResult::Outcome::kFailed, printed, writer_.error()};
}

}  // namespace rampart::storage
