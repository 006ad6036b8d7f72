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

bool LineWriter::end_line(const Deadline& deadline) {
  // A line is never split over two writes if it fits one: other writers of stdout put theirs between.
  if (ended_ > 0 && gathered_.size() > piece_bytes_ && !write_out(ended_, deadline)) return false;
  ended_ = gathered_.size();
  return ended_ < piece_bytes_ || write_out(ended_, deadline);
}

bool LineWriter::flush(const Deadline& deadline) { return write_out(ended_, deadline); }

bool LineWriter::write_out(std::size_t bytes, const Deadline& deadline) {
  std::string_view rest = std::string_view(gathered_).substr(0, bytes);
  const std::string_view all = gathered_;
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
  const auto out = rest.data() - all.data();
  if (!ok) unwritten_ += static_cast<std::uint32_t>(std::count(all.begin() + out, all.end(), '\n'));
  gathered_.erase(0, ok ? bytes : gathered_.size());
  ended_ = 0;
  return ok;
}

namespace {

/// `[...]  INFO queryLog: query resolved  answer=...  client_ip=...`; empty fields are left out.
void append_console_line(const LogEntry& entry, const base::log::LineForm& form, std::string& out) {
  // Blocky separates the names by "; "; one name, the ordinary case, needs no copy.
  std::string joined;
  std::string_view names = entry.client_names;
  if (names.find('\n') != std::string_view::npos) {
    join_client_names(names, "; ", joined);
    names = joined;
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
  form.append(out, {fields.data(), count});
}

}  // namespace

std::uint32_t print_entries(const EntryBatch& batch, LineWriter& writer, const Deadline& deadline) {
  base::log::LineForm form(base::log::Level::kInfo, "queryLog", "query resolved");
  form.refresh();
  std::uint32_t tried = 0;
  bool ok = true;
  batch.for_each([&](const LogEntry& entry) {
    ++tried;
    append_console_line(entry, form, writer.begin_line());
    ok = writer.end_line(deadline);
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
