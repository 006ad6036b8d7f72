#include "storage/console_sink.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "base/log.h"

namespace rampart::storage {
namespace {

// A pipe that polls writable has room for this much, so a write of it does not wait (pipe(7), PIPE_BUF).
constexpr std::size_t kPieceBytes = 4096;

}  // namespace

bool LineWriter::add(std::string_view line, const Deadline& deadline) {
  // Never split a line over two writes if it fits one: other writers of stdout put theirs between.
  bool ok = true;
  if (!gathered_.empty() && gathered_.size() + line.size() + 1 > kPieceBytes) ok = flush(deadline);
  if (!ok) {
    ++unwritten_;
    return false;
  }
  gathered_ += line;
  gathered_ += '\n';
  ++lines_;
  return gathered_.size() < kPieceBytes || flush(deadline);
}

bool LineWriter::flush(const Deadline& deadline) {
  std::string_view rest = gathered_;
  while (!rest.empty()) {
    pollfd ready{fd_, POLLOUT, 0};
    const int count = ::poll(&ready, 1, deadline.slice_ms());
    if (count == 0 || (count < 0 && errno == EINTR)) {
      if (!deadline.has_passed()) continue;
      error_ = "stdout takes nothing";
      break;
    }
    const ssize_t written = ::write(fd_, rest.data(), std::min(rest.size(), kPieceBytes));
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

std::string console_line(const LogEntry& entry) {
  std::vector<base::log::Field> fields;
  fields.reserve(10);
  const auto add = [&](std::string_view key, std::string_view value) {
    if (!value.empty()) fields.push_back({key, std::string(value)});
  };
  std::string names;
  join_client_names(entry.client_names, "; ", names);
  add("answer", entry.answer);
  add("client_ip", entry.client_ip);
  add("client_names", names);
  add("duration_ms", entry.duration_ms == 0 ? std::string() : std::to_string(entry.duration_ms));
  add("instance", entry.instance);
  add("question_name", entry.question_name);
  add("question_type", entry.question_type);
  add("response_code", entry.response_code);
  add("response_reason", entry.reason);
  add("response_type", entry.response_type);
  return base::log::format(base::log::Level::kInfo, "queryLog", "query resolved", fields);
}

std::uint32_t print_entries(const EntryBatch& batch, LineWriter& writer, const Deadline& deadline) {
  std::uint32_t tried = 0;
  bool ok = true;
  batch.for_each([&](const LogEntry& entry) {
    ++tried;
    ok = writer.add(console_line(entry), deadline);
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
