#include "dns/name_compressor.h"

#include <cstring>

#include "dns/types.h"

namespace rampart::dns {
namespace {

constexpr std::size_t kPointerReach = 0x4000;  ///< offsets that 14 bits can hold

/// Compares an uncompressed suffix with the name at `at` of a message that we wrote ourselves.
bool is_same_name(base::ByteView suffix, base::ByteView message, std::size_t at) noexcept {
  std::size_t i = 0;
  for (;;) {
    while (message[at] >= 0xc0) at = base::load_u16(&message[at]) & 0x3fff;
    const std::size_t label = message[at] + std::size_t{1};
    if (suffix[i] != message[at]) return false;
    if (label == 1) return true;
    for (std::size_t k = 1; k < label; ++k) {
      const std::uint8_t a = suffix[i + k];
      const std::uint8_t b = message[at + k];
      if (a == b) continue;
      const auto lower = static_cast<std::uint8_t>(a | 0x20);
      if (lower != (b | 0x20) || lower < 'a' || lower > 'z') return false;
    }
    i += label;
    at += label;
  }
}

}  // namespace

void NameCompressor::note_question() noexcept {
  question_is_noted_ = true;
  for (std::size_t at = kHeaderBytes; message_[at] != 0 && count_ < kLabelsNotedMax;
       at += message_[at] + std::size_t{1})
    label_at_[count_++] = static_cast<std::uint16_t>(at);
}

bool NameCompressor::put(NameView name, std::size_t& at, std::size_t limit) noexcept {
  if (!question_is_noted_) note_question();
  const std::size_t known = count_;  // a name never points into itself
  const base::ByteView wire = name.wire();
  for (std::size_t i = 0; i < wire.size() && wire[i] != 0; i += wire[i] + std::size_t{1}) {
    for (std::size_t k = 0; k < known; ++k) {
      if (!is_same_name(wire.subspan(i), message_, label_at_[k])) continue;
      if (limit - at < 2) return false;
      base::store_u16(&message_[at], static_cast<std::uint16_t>(0xc000 | label_at_[k]));
      at += 2;
      return true;
    }
    const std::size_t label = wire[i] + std::size_t{1};
    if (limit - at < label) return false;
    if (count_ < kLabelsNotedMax && at < kPointerReach) label_at_[count_++] = static_cast<std::uint16_t>(at);
    std::memcpy(&message_[at], &wire[i], label);
    at += label;
  }
  if (limit - at < 1) return false;
  message_[at++] = 0;
  return true;
}

}  // namespace rampart::dns
