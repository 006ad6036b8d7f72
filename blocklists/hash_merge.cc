#include "blocklists/hash_merge.h"

#include <algorithm>

namespace rampart::blocklists {
namespace {

std::size_t buffer_size(std::size_t archives) {
  constexpr std::size_t kLeast = 4096 / sizeof(std::uint64_t);
  const std::size_t share = HashMerge::kBufferBytesMax / sizeof(std::uint64_t) / std::max<std::size_t>(archives, 1);
  return std::clamp(share, kLeast, SourceArchive::kPieceHashes);
}

}  // namespace

HashMerge::HashMerge(std::span<const HashSequence> sequences) : rests_(sequences.size()) {
  const auto archives = std::count_if(sequences.begin(), sequences.end(),
                                      [](const HashSequence& sequence) { return sequence.archive != nullptr; });
  const std::size_t size_max = buffer_size(static_cast<std::size_t>(archives));
  for (std::uint32_t i = 0; i < sequences.size(); ++i) {
    const HashSequence& sequence = sequences[i];
    Head head{.hash = 0, .sequence = i, .next = nullptr, .end = nullptr};
    if (sequence.archive != nullptr) {
      const std::size_t size = std::min(size_max, sequence.count);
      rests_[i] = {sequence, size, std::make_unique_for_overwrite<std::uint64_t[]>(size)};
    } else {
      head.next = sequence.memory.data();
      head.end = head.next + sequence.memory.size();
    }
    if (head.next == head.end && !refill(head)) continue;
    head.hash = *head.next++;
    heap_.push_back(head);
  }
  if (failure_) heap_.clear();
  for (std::size_t i = heap_.size() / 2; i-- > 0;) sift_down(i);
}

// False: the sequence is at its end, or cannot be read. Hardly ever called, hence no part of the loop.
[[gnu::noinline]] bool HashMerge::refill(Head& head) {
  Rest& rest = rests_[head.sequence];
  HashSequence& left = rest.sequence;
  const std::size_t count = std::min(rest.buffer_size, left.count);
  if (count == 0) return false;
  if (const auto done = left.archive->read(left.first, {rest.buffer.get(), count}); !done.ok()) {
    if (!failure_) failure_ = {head.sequence, done.error()};
    return false;
  }
  left.first += count;
  left.count -= count;
  head.next = rest.buffer.get();
  head.end = head.next + count;
  return true;
}

}  // namespace rampart::blocklists
