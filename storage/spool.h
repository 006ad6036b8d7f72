// Entries on disk while the database is away: batches in append-only segment files, each frame with its batch ID
// and a checksum, read back in order and removed segment by segment. A kill at any point leaves at most a torn
// frame at the end of a segment, which is recognised; damage anywhere else costs the frames that it is in, which
// are counted; a batch that was written to the database but not yet crossed off is offered again under its old ID,
// which the database knows.
//
// Segment file `rampart-NNNNNNNNNN.spool`: 8 octets magic, 8 octets offset of the first frame not yet crossed off,
// then frames (spool_frame.h). All numbers little-endian.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "storage/entry_batch.h"
#include "storage/query_log_options.h"
#include "storage/spool_frame.h"

namespace rampart::storage {

/// One appender and one reader thread; every call takes the lock.
class Spool {
 public:
  static constexpr std::uint64_t kSegmentBytesMin = 4096;

  /// Opens or creates the directory, locks it against other processes, and finds what earlier runs left.
  [[nodiscard]] static base::Result<std::shared_ptr<Spool>, std::string> open(SpoolOptions options);
  ~Spool();
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  /// Takes over new bounds; the next append() keeps them.
  void set_bounds(const SpoolOptions& options);
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

  /// Appends one batch, dropping the oldest segments first if the bound asks for it. Error: the disk refused, or
  /// the bound leaves no room beside what is being read; nothing of the batch is kept then.
  [[nodiscard]] base::Status append(const EntryBatch& batch);

  [[nodiscard]] bool empty() const;
  /// The oldest batch, which stays until pop_front(). Skips and counts frames that cannot be read.
  /// nullopt too while another reader (a sink that is being replaced) holds the oldest.
  [[nodiscard]] std::optional<EntryBatch> front();
  /// Crosses off the batch that front() gave.
  void pop_front();
  /// The reader is done for now; the batch that front() gave stays the oldest.
  void release_front();

  struct Stats {
    std::uint64_t entries = 0;          ///< waiting
    std::uint64_t bytes = 0;            ///< on disk
    std::uint64_t segments = 0;
    std::uint64_t dropped_full = 0;     ///< entries in segments dropped at the bound
    std::uint64_t dropped_damaged = 0;  ///< entries in damaged frames; where the count is damaged too, a guess
    std::uint64_t torn_tails = 0;       ///< segments that ended inside a frame
  };
  [[nodiscard]] Stats stats() const;

 private:
  struct Segment {
    std::uint64_t number = 0;
    std::uint64_t bytes = 0;    ///< of the file
    std::uint64_t read_at = 0;  ///< offset of the first frame not crossed off
    std::uint64_t entries = 0;  ///< waiting in it
    std::uint64_t counted_to = 0;  ///< damage before this offset was counted when the segment was found
  };

  Spool(SpoolOptions options, int lock_fd);
  [[nodiscard]] std::string path_of(std::uint64_t number) const;
  [[nodiscard]] base::Status find_segments();
  void count_entries(int fd, Segment& segment);
  void note_damage(const Segment& segment, std::uint64_t at, const FrameSpan& span);
  void skip(const FrameSpan& span);
  [[nodiscard]] base::Status start_segment();
  bool make_room(std::uint64_t bytes);
  void close_writer();
  void drop_segment(std::size_t index);
  void finish_reading_segment();

  const std::string path_;
  const int lock_fd_;
  mutable std::mutex mutex_;  // guards everything below
  SpoolOptions options_;
  std::deque<Segment> segments_;  ///< oldest first; the last one is written to while writer_fd_ >= 0
  std::uint64_t next_number_ = 1;
  int writer_fd_ = -1;
  base::Instant synced_at_{};
  int reader_fd_ = -1;        ///< of segments_.front()
  bool front_taken_ = false;  ///< between front() and pop_front(): the front segment may not be dropped
  std::uint64_t front_end_ = 0;
  std::uint32_t front_count_ = 0;
  Stats stats_;
};

}  // namespace rampart::storage
