#include "storage/spool_frame.h"

#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string>

namespace rampart::storage {
namespace {

constexpr char kMagicText[] = {'F', 'R', 'M', '1'};
constexpr std::size_t kSearchBytes = 64 << 10;

std::uint32_t checksum(const FrameHead& head, std::string_view payload) {
  uLong crc = crc32(0, reinterpret_cast<const Bytef*>(&head), offsetof(FrameHead, crc));
  crc = crc32(crc, reinterpret_cast<const Bytef*>(payload.data()), static_cast<uInt>(payload.size()));
  return static_cast<std::uint32_t>(crc);
}

std::optional<EntryBatch> read_batch(int fd, std::uint64_t at, const FrameHead& head) {
  std::string payload(head.payload_bytes, '\0');
  if (!read_all(fd, payload.data(), payload.size(), at + sizeof head) || checksum(head, payload) != head.crc)
    return std::nullopt;
  return EntryBatch::from_bytes(head.id, head.count, std::move(payload));
}

/// The first whole frame at or behind `from`; `file_bytes` if there is none.
std::uint64_t find_frame(int fd, std::uint64_t from, std::uint64_t file_bytes) {
  std::string piece;
  for (std::uint64_t base = from; base + sizeof(FrameHead) <= file_bytes; base += kSearchBytes) {
    // Some octets more, for a magic that begins at the end of a piece.
    piece.resize(std::min<std::uint64_t>(kSearchBytes + sizeof kMagicText - 1, file_bytes - base));
    if (!read_all(fd, piece.data(), piece.size(), base)) break;
    const std::string_view magic(kMagicText, sizeof kMagicText);
    for (std::size_t at = 0; (at = piece.find(magic, at)) != std::string::npos; ++at) {
      FrameHead head;
      if (read_head(fd, base + at, file_bytes, head) && read_batch(fd, base + at, head)) return base + at;
    }
  }
  return file_bytes;
}

/// No whole frame is at `at` or behind it.
bool is_torn_tail(int fd, std::uint64_t at, std::uint64_t file_bytes) {
  FrameHead head;
  const std::size_t there = std::min<std::uint64_t>(sizeof head, file_bytes - at);
  if (!read_all(fd, reinterpret_cast<char*>(&head), there, at)) return false;
  if (std::memcmp(&head, kMagicText, std::min(there, sizeof kMagicText)) != 0) return false;
  return there < sizeof head ||
         (head.payload_bytes <= kFrameBytesMax && at + sizeof head + head.payload_bytes > file_bytes);
}

std::uint32_t guess_entries(int fd, std::uint64_t at, std::uint64_t end) {
  FrameHead head;
  if (end - at < sizeof head || !read_all(fd, reinterpret_cast<char*>(&head), sizeof head, at)) return 1;
  const std::uint64_t room = (end - at) / EntryBatch::kEntryBytesMin;
  return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(head.count, 1, std::max<std::uint64_t>(room, 1)));
}

}  // namespace

FrameHead head_of(const EntryBatch& batch) {
  FrameHead head;
  head.payload_bytes = static_cast<std::uint32_t>(batch.bytes().size());
  head.count = batch.count();
  head.id = batch.id();
  head.crc = checksum(head, batch.bytes());
  return head;
}

bool read_all(int fd, char* data, std::size_t size, std::uint64_t at) {
  while (size > 0) {
    const ssize_t n = ::pread(fd, data, size, static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    data += n;
    at += static_cast<std::uint64_t>(n);
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

bool read_head(int fd, std::uint64_t at, std::uint64_t file_bytes, FrameHead& head) {
  if (at + sizeof head > file_bytes || !read_all(fd, reinterpret_cast<char*>(&head), sizeof head, at)) return false;
  return head.magic == FrameHead::kMagic && head.payload_bytes <= kFrameBytesMax &&
         at + sizeof head + head.payload_bytes <= file_bytes &&
         head.count <= head.payload_bytes / EntryBatch::kEntryBytesMin;
}

FrameSpan read_frame(int fd, std::uint64_t at, std::uint64_t file_bytes) {
  FrameSpan span;
  FrameHead head;
  if (read_head(fd, at, file_bytes, head)) {
    span.end = at + sizeof head + head.payload_bytes;
    span.entries = head.count;
    if ((span.batch = read_batch(fd, at, head))) return span;
    FrameHead next;
    if (span.end == file_bytes || read_head(fd, span.end, file_bytes, next)) return span;
  }
  // Its length leads nowhere.
  span.end = find_frame(fd, at + 1, file_bytes);
  span.is_torn = span.end == file_bytes && is_torn_tail(fd, at, file_bytes);
  span.entries = span.is_torn ? 0 : guess_entries(fd, at, span.end);
  return span;
}

}  // namespace rampart::storage
