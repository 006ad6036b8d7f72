#include "storage/spool.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/log.h"
#include "storage/spool_frame.h"

namespace rampart::storage {
namespace {

constexpr char kSegmentMagic[8] = {'R', 'M', 'P', 'S', 'P', 'L', '0', '1'};
constexpr std::uint64_t kSegmentHeadBytes = 16;
constexpr char kPrefix[] = "rampart-";
constexpr char kSuffix[] = ".spool";
constexpr std::size_t kDigits = 10;
// At most this much is lost with the machine's power, none of it when only the process dies.
constexpr std::chrono::seconds kSyncPause{1};

std::string failure(const std::string& what, const std::string& path) {
  return "spool " + path + ": " + what + ": " + std::strerror(errno);
}

bool write_all(int fd, const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t n = ::write(fd, data, size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    data += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

SpoolOptions bounded(SpoolOptions options) {
  // At least four segments, so that dropping the oldest never drops most of what is kept.
  options.segment_bytes = std::max(Spool::kSegmentBytesMin, std::min(options.segment_bytes, options.bytes_max / 4));
  return options;
}

}  // namespace

Spool::Spool(SpoolOptions options, int lock_fd)
    : path_(options.path), lock_fd_(lock_fd), options_(bounded(std::move(options))) {}

void Spool::set_bounds(const SpoolOptions& options) {
  const std::lock_guard lock(mutex_);
  options_ = bounded(options);
}

Spool::~Spool() {
  close_writer();
  if (reader_fd_ >= 0) ::close(reader_fd_);
  ::close(lock_fd_);
}

base::Result<std::shared_ptr<Spool>, std::string> Spool::open(SpoolOptions options) {
  const std::string directory = options.path;
  std::error_code error;
  const bool created = std::filesystem::create_directories(directory, error);
  if (error) return base::Error{"queryLog.spool.path " + directory + " cannot be created: " + error.message()};
  if (created) ::chmod(directory.c_str(), 0750);
  const std::string lock_path = directory + "/lock";
  const int lock_fd = ::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
  if (lock_fd < 0) return base::Error{failure("cannot be opened", lock_path)};
  if (::flock(lock_fd, LOCK_EX | LOCK_NB) != 0) {
    ::close(lock_fd);
    return base::Error{"queryLog.spool.path " + directory + " is used by another process; give each its own"};
  }
  std::shared_ptr<Spool> spool(new Spool(std::move(options), lock_fd));
  if (auto status = spool->find_segments(); !status) return base::Error{status.error()};
  return spool;
}

std::string Spool::path_of(std::uint64_t number) const {
  std::string digits = std::to_string(number);
  digits.insert(0, kDigits - std::min(kDigits, digits.size()), '0');
  return path_ + "/" + kPrefix + digits + kSuffix;
}

base::Status Spool::find_segments() {
  std::error_code error;
  for (const auto& file : std::filesystem::directory_iterator(path_, error)) {
    const std::string name = file.path().filename().string();
    if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) continue;
    const std::string digits = name.substr(sizeof kPrefix - 1, name.size() - (sizeof kPrefix - 1) - (sizeof kSuffix - 1));
    if (digits.empty() || digits.size() > 18 || digits.find_first_not_of("0123456789") != std::string::npos) continue;
    segments_.push_back({std::stoull(digits)});
  }
  if (error) return base::Error{"spool " + path_ + ": cannot be listed: " + error.message()};
  std::sort(segments_.begin(), segments_.end(), [](auto& a, auto& b) { return a.number < b.number; });

  std::deque<Segment> usable;
  for (Segment segment : segments_) {
    next_number_ = segment.number + 1;
    const std::string path = path_of(segment.number);
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return base::Error{failure("cannot be read", path)};
    struct stat info {};
    char head[kSegmentHeadBytes];
    const bool readable = ::fstat(fd, &info) == 0 && read_all(fd, head, sizeof head, 0) &&
                          std::memcmp(head, kSegmentMagic, sizeof kSegmentMagic) == 0;
    if (!readable) {
      base::log::warn("queryLog", "spool segment " + path + " has no valid head; it is set aside");
      ::rename(path.c_str(), (path + ".damaged").c_str());
      ::close(fd);
      continue;
    }
    segment.bytes = static_cast<std::uint64_t>(info.st_size);
    std::memcpy(&segment.read_at, head + 8, 8);
    if (segment.read_at < kSegmentHeadBytes || segment.read_at > segment.bytes) segment.read_at = kSegmentHeadBytes;
    count_entries(fd, segment);
    ::close(fd);
    if (segment.entries == 0) {  // all written out, or nothing whole is left
      ::unlink(path.c_str());
      continue;
    }
    stats_.bytes += segment.bytes;
    stats_.entries += segment.entries;
    usable.push_back(segment);
  }
  segments_ = std::move(usable);
  return base::Done{};
}

/// Of a segment that an earlier run left. Lengths lead from head to head; only where they do not, every frame is
/// looked at.
void Spool::count_entries(int fd, Segment& segment) {
  FrameHead head;
  std::uint64_t at = segment.read_at;
  for (; read_head(fd, at, segment.bytes, head); at += sizeof head + head.payload_bytes)
    segment.entries += head.count;
  if (at == segment.bytes) return;
  segment.entries = 0;
  std::uint64_t torn = 0;
  for (at = segment.read_at; at < segment.bytes;) {
    const FrameSpan span = read_frame(fd, at, segment.bytes);
    if (span.batch) segment.entries += span.entries;
    else if (span.is_torn) ++torn;
    else note_damage(segment, at, span);
    at = span.end;
  }
  segment.counted_to = segment.bytes;
  if (segment.entries == 0) stats_.torn_tails += torn;  // else when it is read
}

void Spool::note_damage(const Segment& segment, std::uint64_t at, const FrameSpan& span) {
  stats_.dropped_damaged += span.entries;
  base::log::warn("queryLog", "spool segment " + path_of(segment.number) + " is damaged",
                  {{"octets", std::to_string(at) + "-" + std::to_string(span.end)},
                   {"lost_entries", std::to_string(span.entries)}});
}

base::Status Spool::start_segment() {
  const std::string path = path_of(next_number_);
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0640);
  if (fd < 0) return base::Error{failure("cannot be created", path)};
  char head[kSegmentHeadBytes];
  std::memcpy(head, kSegmentMagic, sizeof kSegmentMagic);
  std::memcpy(head + 8, &kSegmentHeadBytes, 8);
  if (!write_all(fd, head, sizeof head)) {
    base::Status status = base::Error{failure("cannot be written", path)};
    ::close(fd);
    ::unlink(path.c_str());
    return status;
  }
  writer_fd_ = fd;
  segments_.push_back({next_number_++, kSegmentHeadBytes, kSegmentHeadBytes, 0});
  stats_.bytes += kSegmentHeadBytes;
  return base::Done{};
}

void Spool::close_writer() {
  if (writer_fd_ < 0) return;
  ::fdatasync(writer_fd_);
  ::close(writer_fd_);
  writer_fd_ = -1;
}

/// Removes a segment with whatever still waits in it; the caller counts that.
void Spool::drop_segment(std::size_t index) {
  const Segment segment = segments_[index];
  if (index == 0 && reader_fd_ >= 0) {
    ::close(reader_fd_);
    reader_fd_ = -1;
  }
  if (index + 1 == segments_.size() && writer_fd_ >= 0) {
    ::close(writer_fd_);
    writer_fd_ = -1;
  }
  ::unlink(path_of(segment.number).c_str());
  stats_.bytes -= segment.bytes;
  stats_.entries -= segment.entries;
  segments_.erase(segments_.begin() + static_cast<std::ptrdiff_t>(index));
}

bool Spool::make_room(std::uint64_t bytes) {
  while (stats_.bytes + bytes > options_.bytes_max) {
    const std::size_t oldest = front_taken_ ? 1 : 0;
    if (oldest >= segments_.size()) return false;
    stats_.dropped_full += segments_[oldest].entries;
    drop_segment(oldest);
  }
  return true;
}

base::Status Spool::append(const EntryBatch& batch) {
  const std::lock_guard lock(mutex_);
  const FrameHead head = head_of(batch);
  const std::uint64_t frame_bytes = sizeof head + batch.bytes().size();
  if (batch.bytes().size() > kFrameBytesMax || !make_room(frame_bytes + kSegmentHeadBytes))
    return base::Error{"spool " + path_ + ": full at maxBytes " + std::to_string(options_.bytes_max)};
  if (writer_fd_ >= 0 && segments_.back().bytes + frame_bytes > options_.segment_bytes) close_writer();
  if (writer_fd_ < 0)
    if (auto status = start_segment(); !status) return status;

  Segment& segment = segments_.back();
  if (!write_all(writer_fd_, reinterpret_cast<const char*>(&head), sizeof head) ||
      !write_all(writer_fd_, batch.bytes().data(), batch.bytes().size())) {
    base::Status status = base::Error{failure("cannot be written", path_of(segment.number))};
    // Half a frame must not stand before whole ones; if it cannot be cut off, the next batch opens a new segment.
    if (::ftruncate(writer_fd_, static_cast<off_t>(segment.bytes)) != 0) close_writer();
    return status;
  }
  segment.bytes += frame_bytes;
  segment.entries += batch.count();
  stats_.bytes += frame_bytes;
  stats_.entries += batch.count();
  if (const auto now = base::monotonic_now(); now - synced_at_ >= kSyncPause) {
    synced_at_ = now;
    ::fdatasync(writer_fd_);
  }
  return base::Done{};
}

bool Spool::empty() const {
  const std::lock_guard lock(mutex_);
  return stats_.entries == 0;
}

void Spool::finish_reading_segment() {
  // What could not be read in it, and was not counted where that was found.
  stats_.dropped_damaged += segments_.front().entries;
  drop_segment(0);
}

/// Goes over what cannot be read. Its entries count as waiting, unless they were found out with the segment.
void Spool::skip(const FrameSpan& span) {
  Segment& segment = segments_.front();
  if (span.is_torn) {
    ++stats_.torn_tails;
  } else if (segment.read_at >= segment.counted_to) {
    FrameSpan lost = span;
    lost.entries = static_cast<std::uint32_t>(std::min<std::uint64_t>(span.entries, segment.entries));
    note_damage(segment, segment.read_at, lost);
    stats_.entries -= lost.entries;
    segment.entries -= lost.entries;
  }
  segment.read_at = span.end;
}

std::optional<EntryBatch> Spool::front() {
  const std::lock_guard lock(mutex_);
  while (!front_taken_ && !segments_.empty()) {
    Segment& segment = segments_.front();
    if (reader_fd_ < 0) {
      reader_fd_ = ::open(path_of(segment.number).c_str(), O_RDWR | O_CLOEXEC);
      if (reader_fd_ < 0) {
        base::log::error("queryLog", failure("cannot be read and is skipped", path_of(segment.number)));
        finish_reading_segment();
        continue;
      }
    }
    if (segment.read_at >= segment.bytes) {
      const bool is_active = segments_.size() == 1 && writer_fd_ >= 0;
      if (is_active && segment.entries == 0) return std::nullopt;  // more may come
      finish_reading_segment();
      continue;
    }
    FrameSpan span = read_frame(reader_fd_, segment.read_at, segment.bytes);
    if (!span.batch) {
      skip(span);
      continue;
    }
    front_taken_ = true;
    front_end_ = span.end;
    front_count_ = static_cast<std::uint32_t>(std::min<std::uint64_t>(span.entries, segment.entries));
    return std::move(span.batch);
  }
  return std::nullopt;
}

void Spool::pop_front() {
  const std::lock_guard lock(mutex_);
  if (!front_taken_) return;
  front_taken_ = false;
  Segment& segment = segments_.front();
  segment.read_at = front_end_;
  segment.entries -= front_count_;
  stats_.entries -= front_count_;
  const bool is_active = segments_.size() == 1 && writer_fd_ >= 0;
  // The active segment is given up too once it is read empty: an idle spool owns no file.
  if (segment.read_at >= segment.bytes) {
    if (is_active) close_writer();
    drop_segment(0);
    return;
  }
  // Not needed for correctness (the batch ID is), only spares asking the database again after a restart.
  [[maybe_unused]] const ssize_t n = ::pwrite(reader_fd_, &segment.read_at, 8, 8);
}

void Spool::release_front() {
  const std::lock_guard lock(mutex_);
  front_taken_ = false;
}

Spool::Stats Spool::stats() const {
  const std::lock_guard lock(mutex_);
  Stats stats = stats_;
  stats.segments = segments_.size();
  return stats;
}

}  // namespace rampart::storage
