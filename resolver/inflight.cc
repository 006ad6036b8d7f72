#include "resolver/inflight.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace rampart::resolver {

InflightTable::InflightTable(std::uint32_t slots_max, Deadline::Expired expired, void* owner)
    : slots_max_(slots_max), expired_(expired), owner_(owner), buckets_(std::bit_ceil(std::max(slots_max, 16u)), nullptr) {}

std::uint64_t InflightTable::hash(const ForwardQuestion& question) const noexcept {
  base::Hash128 state = base::hash_bytes(key_, question.name.wire.data(), question.name.length);
  const std::uint64_t rest = static_cast<std::uint64_t>(question.qtype) |
                             static_cast<std::uint64_t>(question.qclass) << 16 |
                             std::uint64_t{question.upstream_group} << 32 |
                             std::uint64_t{question.dnssec_ok} << 48 | std::uint64_t{question.checking_disabled} << 49;
  state = base::absorb(key_, state, rest);
  if (!question.ecs.empty()) state = base::absorb_bytes(key_, state, question.ecs.data(), question.ecs.size());
  return state.lo;
}

Slot* InflightTable::find(const ForwardQuestion& question, std::uint64_t hash, const ActiveSet& set) noexcept {
  const auto same = [](base::ByteView a, base::ByteView b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size()) == 0;
  };
  for (Slot* slot = buckets_[hash & (buckets_.size() - 1)]; slot != nullptr; slot = slot->next_in_bucket) {
    if (slot->hash != hash || slot->set.get() != &set) continue;
    if (slot->qtype == question.qtype && slot->qclass == question.qclass && slot->group == question.upstream_group &&
        slot->dnssec_ok == question.dnssec_ok && slot->checking_disabled == question.checking_disabled &&
        same({slot->name.data(), slot->name_length}, {question.name.wire.data(), question.name.length}) &&
        (question.ecs.empty() ? slot->ecs_length == 0 : same({slot->ecs.data(), slot->ecs_length}, question.ecs)))
      return slot;
  }
  return nullptr;
}

Slot* InflightTable::take() noexcept {
  if (taken_ >= slots_max_) return nullptr;
  Slot* slot = free_;
  if (slot != nullptr) {
    free_ = slot->next_in_bucket;
  } else {
    slot = &slots_.emplace_back(expired_, owner_);
    for (Lane& lane : slot->lanes) {
      lane.slot = slot;
      for (UdpAttempt& attempt : lane.attempts) attempt.lane = &lane;
    }
  }
  ++taken_;
  slot->next_in_bucket = nullptr;
  slot->first = slot->last = nullptr;
  slot->tried = 0;
  slot->tries = 0;
  slot->last_asked = nullptr;
  slot->kept_is_answer = false;
  slot->had_timeout = false;
  slot->is_in_flight = false;
  return slot;
}

void InflightTable::enter(Slot& slot, const ForwardQuestion& question, std::uint64_t hash) noexcept {
  slot.name_length = question.name.length;
  std::memcpy(slot.name.data(), question.name.wire.data(), question.name.length);
  slot.ecs_length = static_cast<std::uint8_t>(question.ecs.size());
  if (!question.ecs.empty()) std::memcpy(slot.ecs.data(), question.ecs.data(), question.ecs.size());
  slot.qtype = question.qtype;
  slot.qclass = question.qclass;
  slot.group = question.upstream_group;
  slot.dnssec_ok = question.dnssec_ok;
  slot.checking_disabled = question.checking_disabled;
  slot.hash = hash;
  slot.is_in_flight = true;
  Slot*& bucket = buckets_[hash & (buckets_.size() - 1)];
  slot.next_in_bucket = bucket;
  bucket = &slot;
}

void InflightTable::leave(Slot& slot) noexcept {
  for (Slot** link = &buckets_[slot.hash & (buckets_.size() - 1)]; *link != nullptr; link = &(*link)->next_in_bucket) {
    if (*link != &slot) continue;
    *link = slot.next_in_bucket;
    break;
  }
  slot.next_in_bucket = nullptr;
  slot.is_in_flight = false;
}

void InflightTable::give_back(Slot& slot) noexcept {
  slot.set.reset();
  slot.only.reset();
  slot.next_in_bucket = free_;
  free_ = &slot;
  --taken_;
}

}  // namespace rampart::resolver
