#include "resolver/forwarder_core.h"

#include <algorithm>

#include "dns/message_view.h"

namespace rampart::resolver {
namespace {

using namespace std::chrono_literals;

constexpr unsigned kStrictTimeoutsMax = 3;      ///< all of a strict group together: clients give up at 5 s or so
constexpr base::Duration kProbeTimeout = 2s;

}  // namespace

Forwarder::Core::Core(boost::asio::io_context& io, const ForwarderOptions& options, ForwarderCounters& counters)
    : options_(options), io_(io), counters_(counters), timer_(io), udp_(io, options_, counters_, random_, *this),
      table_(
          options_.inflight_max,
          [](Deadline& deadline, base::Instant now) noexcept {
            auto& slot = static_cast<Slot&>(deadline);
            static_cast<Core*>(slot.owner)->on_slot_timer(slot, now);
          },
          this),
      sweep_(*this) {}

Forwarder::Core::~Core() { cancel_all(); }

void Forwarder::Core::resolve(const ForwardQuestion& question, ForwardWaiter& waiter, base::Instant now) noexcept {
  counters_.questions.add();
  waiter.next = nullptr;
  const std::uint64_t hash = table_.hash(question);
  if (set_) {
    if (Slot* slot = table_.find(question, hash, *set_)) {
      counters_.joined.add();
      slot->last->next = &waiter;
      slot->last = &waiter;
      return;
    }
  }
  Slot* slot = question.ecs.size() <= kEcsBytesMax ? table_.take() : nullptr;
  if (slot == nullptr) {
    counters_.overloaded.add();
    waiter.done(waiter, {ForwardOutcome::kOverload, nullptr, {}});
    return;
  }
  slot->set = set_;
  table_.enter(*slot, question, hash);
  slot->first = slot->last = &waiter;
  counters_.inflight.set(table_.size());
  start(*slot, now);
}

const ActiveGroup* Forwarder::Core::group_of(const Slot& slot) const noexcept {
  return slot.set && slot.group < slot.set->groups.size() ? &slot.set->groups[slot.group] : nullptr;
}

void Forwarder::Core::start(Slot& slot, base::Instant now) noexcept {
  slot.deadline = now;
  slot.hedge_at = base::Instant::max();
  if (slot.only) {
    slot.deadline = now + kProbeTimeout;
    start_lane(slot.lanes[0], *slot.only, now);
  } else if (const ActiveGroup* group = group_of(slot)) {
    switch (group->strategy) {
      case UpstreamStrategy::kParallelBest:
        slot.deadline = now + group->timeout;
        if (start_next(slot, slot.lanes[0], now)) (void)start_next(slot, slot.lanes[1], now);
        break;
      case UpstreamStrategy::kRandom:
        slot.deadline = now + 2 * group->timeout;
        (void)start_next(slot, slot.lanes[0], now);
        break;
      case UpstreamStrategy::kStrict:
        slot.deadline = now + kStrictTimeoutsMax * group->timeout;
        (void)start_next(slot, slot.lanes[0], now);
        break;
    }
  }
  // Without a group or an upstream there is no lane: the timer ends the slot.
  arm(slot, now);
}

/// Asks the next upstream by the group's strategy; false: there is none left to ask.
bool Forwarder::Core::start_next(Slot& slot, Lane& lane, base::Instant now) noexcept {
  const ActiveGroup* group = group_of(slot);
  if (group == nullptr || slot.only || now >= slot.deadline) return false;
  const auto& upstreams = group->upstreams;
  const std::size_t count = upstreams.size();
  std::optional<std::size_t> choice;
  if (group->strategy == UpstreamStrategy::kStrict) {
    std::uint64_t down = 0;
    for (std::size_t i = 0; i < count; ++i)
      if (upstreams[i]->is_down()) down |= std::uint64_t{1} << i;
    choice = choose_in_order(count, slot.tried, down);
  } else if (slot.tries < 2) {
    std::uint32_t weights[kUpstreamsPerGroupMax];
    for (std::size_t i = 0; i < count; ++i) weights[i] = upstreams[i]->weight(now);
    choice = choose_by_weight({weights, count}, slot.tried, random_);
  }
  if (!choice) return false;
  Upstream& upstream = *upstreams[*choice];
  slot.tried |= std::uint64_t{1} << *choice;
  ++slot.tries;
  if (group->strategy != UpstreamStrategy::kParallelBest)
    slot.hedge_at = upstream.is_down() ? now : now + group->timeout / 2;
  start_lane(lane, upstream, now);
  return true;
}

void Forwarder::Core::on_slot_timer(Slot& slot, base::Instant now) noexcept {
  bool is_asking = false;
  for (Lane& lane : slot.lanes) {
    if (lane.state == Lane::State::kIdle) continue;
    if (lane.is_unreachable) {
      if (lane_failed(lane, LaneFailure::kUnreachable, now)) return;
    } else if (now >= lane.deadline) {
      if (lane_failed(lane, LaneFailure::kTimeout, now)) return;
    } else if (lane.state == Lane::State::kUdp && now >= lane.resend_at) {
      resend_udp(lane, now);
    }
    is_asking = true;
  }
  if (!is_asking) return finish_failed(slot);
  if (now >= slot.hedge_at) {
    slot.hedge_at = base::Instant::max();
    for (Lane& lane : slot.lanes) {
      if (lane.state != Lane::State::kIdle) continue;
      (void)start_next(slot, lane, now);
      break;
    }
  }
  arm(slot, now);
}

/// Sets the slot's timer to whatever comes first.
void Forwarder::Core::arm(Slot& slot, base::Instant now) noexcept {
  base::Instant at = base::Instant::max();
  bool has_idle_lane = false;
  for (const Lane& lane : slot.lanes) {
    if (lane.state == Lane::State::kIdle) {
      has_idle_lane = true;
      continue;
    }
    at = std::min(at, lane.is_unreachable ? now : lane.deadline);
    if (lane.state == Lane::State::kUdp) at = std::min(at, lane.resend_at);
  }
  if (at == base::Instant::max()) at = now;
  if (has_idle_lane) at = std::min(at, slot.hedge_at);
  timer_.arm(slot, at);
}

void Forwarder::Core::finish_failed(Slot& slot) noexcept {
  if (slot.kept) {
    const auto message = dns::MessageView::parse({slot.kept->bytes.data(), slot.kept->length});
    if (message)
      return finish(slot, slot.kept_is_answer ? ForwardOutcome::kAnswer : ForwardOutcome::kServFail, &*message,
                    slot.last_asked);
  }
  finish(slot, slot.had_timeout ? ForwardOutcome::kTimeout : ForwardOutcome::kNetworkError, nullptr, slot.last_asked);
}

void Forwarder::Core::finish(Slot& slot, ForwardOutcome outcome, const dns::MessageView* message,
                             const Upstream* upstream) noexcept {
  timer_.cancel(slot);
  for (Lane& lane : slot.lanes) end_lane(lane);
  table_.leave(slot);
  const ForwardResult result{outcome, message, upstream != nullptr ? std::string_view(upstream->text) : std::string_view{}};
  // A waiter may be used again, and ask again, from inside done(); the slot still holds all that `result` names.
  ForwardWaiter* waiter = slot.first;
  while (waiter != nullptr) {
    ForwardWaiter* next = waiter->next;
    waiter->next = nullptr;
    waiter->done(*waiter, result);
    waiter = next;
  }
  if (slot.kept) kept_free_.push_back(std::move(slot.kept));
  table_.give_back(slot);
  counters_.inflight.set(table_.size());
}

void Forwarder::Core::cancel_all() noexcept {
  table_.for_each_in_flight(
      [this](Slot& slot) { finish(slot, ForwardOutcome::kNetworkError, nullptr, slot.last_asked); });
}

}  // namespace rampart::resolver
