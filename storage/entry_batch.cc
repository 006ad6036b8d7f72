#include "storage/entry_batch.h"

#include <bit>
#include <cstring>
#include <iterator>

#include "base/plain_text.h"
#include "base/random.h"

namespace rampart::storage {
namespace {

static_assert(std::endian::native == std::endian::little, "the spool format is little-endian");

using Text = std::string_view LogEntry::*;
// The order of the texts in the format; new ones go to the end, with a new version of the spool segment.
constexpr Text kTexts[] = {&LogEntry::client_ip,     &LogEntry::client_names,  &LogEntry::reason,
                           &LogEntry::response_type, &LogEntry::response_code, &LogEntry::question_name,
                           &LogEntry::question_type, &LogEntry::answer,        &LogEntry::instance};
constexpr std::size_t kTextCount = std::size(kTexts);
constexpr std::size_t kFixedBytes = EntryBatch::kEntryBytesMin;
static_assert(kFixedBytes == 8 + 4 + 4 * kTextCount);

}  // namespace

BatchId new_batch_id() {
  thread_local base::SecureRandom random;
  BatchId id;
  for (std::size_t at = 0; at < id.size(); at += 8) {
    const std::uint64_t word = random.next_u64();
    std::memcpy(id.data() + at, &word, 8);
  }
  return id;
}

std::string to_text(const BatchId& id) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < id.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += kHex[id[i] >> 4];
    text += kHex[id[i] & 15];
  }
  return text;
}

void EntryBatch::append(const LogEntry& entry) {
  std::size_t total = kFixedBytes;
  for (const Text text : kTexts) total += (entry.*text).size();
  const std::size_t start = bytes_.size();
  if (bytes_.capacity() < start + total) bytes_.reserve(std::max(start + total, bytes_.capacity() * 2));
  bytes_.resize(start + total);
  char* const fixed = bytes_.data() + start;
  std::memcpy(fixed, &entry.start_unix_us, 8);
  std::memcpy(fixed + 8, &entry.duration_ms, 4);
  char* length_at = fixed + 12;
  char* text_at = fixed + kFixedBytes;
  for (const Text text : kTexts) {
    const auto length = static_cast<std::uint32_t>((entry.*text).size());
    std::memcpy(length_at, &length, 4);
    length_at += 4;
    text_at = base::put_text(text_at, entry.*text);
  }
  ++count_;
}

bool EntryBatch::read(std::string_view& rest, LogEntry& entry) noexcept {
  if (rest.size() < kFixedBytes) return false;
  const char* fixed = rest.data();
  std::memcpy(&entry.start_unix_us, fixed, 8);
  std::memcpy(&entry.duration_ms, fixed + 8, 4);
  rest.remove_prefix(kFixedBytes);
  const char* length_at = fixed + 12;
  for (const Text text : kTexts) {
    std::uint32_t length = 0;
    std::memcpy(&length, length_at, 4);
    length_at += 4;
    if (length > rest.size()) return false;
    entry.*text = rest.substr(0, length);
    rest.remove_prefix(length);
  }
  return true;
}

std::optional<EntryBatch> EntryBatch::from_bytes(const BatchId& id, std::uint32_t count, std::string bytes) {
  EntryBatch batch;
  batch.id_ = id;
  batch.count_ = count;
  batch.bytes_ = std::move(bytes);
  std::string_view rest = batch.bytes_;
  LogEntry entry;
  for (std::uint32_t i = 0; i < count; ++i)
    if (!read(rest, entry)) return std::nullopt;
  if (!rest.empty()) return std::nullopt;
  return batch;
}

}  // namespace rampart::storage
