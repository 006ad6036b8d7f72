// A segment of the spool as a crash, a bad disk or a stranger may leave it. If the first octet is even the rest is
// the file; if it is odd the rest is {entry count, length in two octets, payload}..., which become frames with
// right checksums. The spool must open, account for every entry, and still keep what is appended.
#include <zlib.h>

#include <cstring>
#include <fstream>
#include <string>

#include "base/bytes.h"
#include "base/log.h"
#include "storage/spool.h"
#include "tests/fuzz/require.h"
#include "tests/support/log_batches.h"
#include "tests/support/temporary_directory.h"

using namespace rampart;
using fuzz::require;

namespace {

void append_u32(std::string& out, std::uint32_t value) { out.append(reinterpret_cast<const char*>(&value), 4); }

std::string segment_of_frames(std::string_view rest) {
  std::string file = "RMPSPL01";
  const std::uint64_t read_at = 16;
  file.append(reinterpret_cast<const char*>(&read_at), 8);
  while (rest.size() >= 3) {
    const auto* head = reinterpret_cast<const std::uint8_t*>(rest.data());
    const std::string_view payload = rest.substr(3, base::load_u16(head + 1));
    std::string frame = "FRM1";
    append_u32(frame, static_cast<std::uint32_t>(payload.size()));
    append_u32(frame, head[0]);
    frame.append(16, 'i');
    uLong crc = crc32(0, reinterpret_cast<const Bytef*>(frame.data()), static_cast<uInt>(frame.size()));
    crc = crc32(crc, reinterpret_cast<const Bytef*>(payload.data()), static_cast<uInt>(payload.size()));
    append_u32(frame, static_cast<std::uint32_t>(crc));
    file += frame;
    file += payload;
    rest.remove_prefix(3 + payload.size());
  }
  return file;
}

// Every text lies in the batch; with what stands before the texts they are all of it.
std::size_t octets_of(const storage::LogEntry& entry, std::string_view batch) {
  constexpr std::size_t kFixedBytes = 8 + 4 + 9 * 4;
  std::size_t sum = kFixedBytes;
  for (const auto text : {entry.client_ip, entry.client_names, entry.reason, entry.response_type,
                          entry.response_code, entry.question_name, entry.question_type, entry.answer,
                          entry.instance}) {
    require(text.data() >= batch.data() && text.data() + text.size() <= batch.data() + batch.size());
    sum += text.size();
  }
  return sum;
}

struct World {
  World() { base::log::configure({.level = base::log::Level::kPanic}); }
  test_support::TemporaryDirectory directory;
  const storage::EntryBatch ours = test_support::numbered_batch(1, 2);
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  static World world;
  const std::string_view rest = base::as_text({data + 1, size - 1});
  const std::string file = data[0] % 2 == 0 ? std::string(rest) : segment_of_frames(rest);
  std::ofstream(world.directory.path() + "/rampart-0000000001.spool", std::ios::binary | std::ios::trunc) << file;

  auto opened = storage::Spool::open({world.directory.path(), 1 << 26, 1 << 20});
  require(opened.ok());
  storage::Spool& spool = **opened;
  const auto at_start = spool.stats();
  require(spool.append(world.ours).ok());
  std::uint64_t read = 0;
  bool is_ours = false;
  while (const auto batch = spool.front()) {
    std::uint32_t entries = 0;
    std::size_t octets = 0;
    batch->for_each([&](const storage::LogEntry& entry) {
      ++entries;
      octets += octets_of(entry, batch->bytes());
      return true;
    });
    require(entries == batch->count() && octets == batch->bytes().size());
    read += entries;
    is_ours = batch->id() == world.ours.id() && batch->bytes() == world.ours.bytes();
    spool.pop_front();
  }
  const auto at_end = spool.stats();
  require(is_ours);  // behind all others
  require(read + at_end.dropped_damaged - at_start.dropped_damaged == at_start.entries + world.ours.count());
  require(spool.empty() && at_end.bytes == 0 && at_end.segments == 0);
  return 0;
}
