// How the forwarder asks one upstream: transmissions, what comes back, and what is tried otherwise.
#include <algorithm>
#include <cstring>

#include "dns/message_view.h"
#include "resolver/forwarder_core.h"

namespace rampart::resolver {
namespace {

using namespace std::chrono_literals;
constexpr base::Duration kResendMin = 300ms;    ///< a cold recursion is slow: do not double it too soon

bool is_edns_refusal(dns::Rcode rcode) noexcept {
  return rcode == dns::Rcode::kFormErr || rcode == dns::Rcode::kNotImp || rcode == dns::Rcode::kBadVers;
}

bool is_open(const UdpAttempt& attempt) noexcept { return attempt.socket != nullptr; }

/// The attempt that asks there already, or one to begin with.
UdpAttempt& attempt_at(Lane& lane, const UdpPool& pool) noexcept {
  UdpAttempt* unused = nullptr;
  for (UdpAttempt& attempt : lane.attempts) {
    if (!is_open(attempt)) unused = &attempt;
    else if (attempt.socket->pool == &pool) return attempt;
  }
  // There are as many as retransmissions can open.
  return unused != nullptr ? *unused : lane.attempts.front();
}

/// From now on it is the address of this attempt that is asked; a look-up may have dropped it meanwhile.
void turn_to(Lane& lane, const UdpAttempt& attempt) noexcept {
  const auto& addresses = lane.upstream->addresses;
  for (std::size_t i = 0; i < addresses.size(); ++i)
    if (&addresses[i]->udp == attempt.socket->pool) lane.address = static_cast<std::uint8_t>(i);
}

}  // namespace

void Forwarder::Core::start_lane(Lane& lane, Upstream& upstream, base::Instant now) noexcept {
  Slot& slot = *lane.slot;
  const ActiveGroup* group = group_of(slot);
  slot.last_asked = &upstream;
  lane.upstream = &upstream;
  lane.address = upstream.preferred_address;
  lane.addresses_failed = 0;
  lane.transmissions = 0;
  lane.with_edns = upstream.uses_edns(now);
  lane.is_edns_retry = false;
  lane.case_lost = false;
  lane.is_truncated = false;
  lane.over_stream = upstream.spec.protocol == UpstreamProtocol::kDot;
  lane.is_stream_retry = false;
  lane.is_unreachable = false;
  lane.deadline = slot.only || group == nullptr ? slot.deadline : std::min(now + group->timeout, slot.deadline);
  send(lane, now);
  arm_sweep(now);
}

void Forwarder::Core::send(Lane& lane, base::Instant now) noexcept {
  Upstream& upstream = *lane.upstream;
  if (lane.stream != nullptr) lane.stream->end(lane);
  lane.state = lane.over_stream ? Lane::State::kStream : Lane::State::kUdp;
  lane.resend_at = base::Instant::max();
  look_up(upstream, now);
  if (upstream.addresses.empty() && upstream.is_looked_up) {
    lane.state = Lane::State::kAddress;
    return;
  }
  if (upstream.addresses.empty() || !is_supported(upstream.spec.protocol)) {
    lane.is_unreachable = true;
    return;
  }
  UpstreamAddress& address = *upstream.addresses[lane.address % upstream.addresses.size()];
  if (lane.over_stream)
    send_stream(lane, address, now);
  else
    send_udp(lane, address, now);
}

void Forwarder::Core::send_udp(Lane& lane, UpstreamAddress& address, base::Instant now) noexcept {
  UdpAttempt& attempt = attempt_at(lane, address.udp);
  // The same datagram from the same port: another ID would only give a forger another target.
  if (is_open(attempt) && attempt.socket->pool == &address.udp) return transmit(attempt, now);
  udp_.end(attempt);
  if (!udp_.begin(address.udp, attempt, now)) {
    lane.is_unreachable = true;
    return;
  }
  attempt.upper_case = options_.use_0x20 && lane.upstream->keeps_case() && !lane.case_lost ? random_.next_u64() : 0;
  attempt.sent_at = lane.sent_at = now;
  attempt.transmissions = 0;
  attempt.is_unreachable = false;
  transmit(attempt, now);
}

void Forwarder::Core::send_stream(Lane& lane, UpstreamAddress& address, base::Instant now) noexcept {
  const UpstreamSpec& spec = lane.upstream->spec;
  const bool is_tls = spec.protocol == UpstreamProtocol::kDot;
  if (!address.stream) {
    std::string name;
    if (is_tls) name = spec.common_name.empty() ? spec.host : spec.common_name;
    address.stream = std::make_unique<UpstreamStream>(
        StreamContext{io_, timer_, options_, counters_, random_, *this, tls_.get()},
        StreamPeer{address.udp.endpoint, std::move(name), spec.certificate_hashes});
  }
  if (!address.stream->begin(lane)) {
    lane.is_unreachable = true;
    return;
  }
  lane.transmissions = 1;
  lane.sent_at = now;
  std::array<std::uint8_t, kUpstreamQueryBytesMax> query;
  const std::size_t length =
      write_upstream_query(lane.slot->question(), {lane.stream_id, 0, lane.with_edns, is_tls}, query);
  address.stream->send({query.data(), length});
}

void Forwarder::Core::transmit(UdpAttempt& attempt, base::Instant now) noexcept {
  Lane& lane = *attempt.lane;
  std::array<std::uint8_t, kUpstreamQueryBytesMax> query;
  const std::size_t length = write_upstream_query(lane.slot->question(),
                                                  {attempt.udp_id, attempt.upper_case, lane.with_edns}, query);
  if (!udp_.send(attempt, {query.data(), length}, now)) attempt.is_unreachable = lane.is_unreachable = true;
  ++attempt.transmissions;
  ++lane.transmissions;
  const base::Duration left = lane.deadline - lane.sent_at;
  const base::Duration interval = std::min(std::max(8 * lane.upstream->round_trip(), kResendMin), left / kTransmissionsMax);
  lane.resend_at = lane.transmissions < kTransmissionsMax ? now + interval : base::Instant::max();
}

void Forwarder::Core::resend_udp(Lane& lane, base::Instant now) noexcept {
  counters_.retransmitted.add();
  ++lane.address;
  send(lane, now);
}

void Forwarder::Core::ask_otherwise(Lane& lane, base::Instant now) noexcept {
  end_exchanges(lane);
  send(lane, now);
  arm(*lane.slot, now);
}

void Forwarder::Core::end_exchanges(Lane& lane) noexcept {
  for (UdpAttempt& attempt : lane.attempts) udp_.end(attempt);
  if (lane.stream != nullptr) lane.stream->end(lane);
}

void Forwarder::Core::end_lane(Lane& lane) noexcept {
  end_exchanges(lane);
  lane.state = Lane::State::kIdle;
  lane.is_unreachable = false;
}

void Forwarder::Core::on_unreachable(UdpExchange& exchange, base::Instant now) noexcept {
  auto& attempt = static_cast<UdpAttempt&>(exchange);
  attempt.is_unreachable = attempt.lane->is_unreachable = true;
  timer_.arm(*attempt.lane->slot, now);
}

void Forwarder::Core::on_datagram(UdpExchange& exchange, base::MutableBytes message, bool is_cut,
                                  base::Instant now) noexcept {
  auto& attempt = static_cast<UdpAttempt&>(exchange);
  Lane& lane = *attempt.lane;
  Slot& slot = *lane.slot;
  switch (match_question(message, slot.question(), attempt.upper_case)) {
    case QuestionMatch::kDifferent:
      counters_.mismatched_question.add();
      return;  // keep waiting: the true answer may still come
    case QuestionMatch::kCaseFolded:
      if (attempt.upper_case != 0) {
        // Perhaps the upstream loses letter case, perhaps a forger guessed ID and port: TCP tells.
        counters_.case_folded.add();
        if (lane.upstream->note_case_lost()) counters_.case_disabled.add();
        lane.case_lost = true;
        lane.over_stream = true;
        turn_to(lane, attempt);
        return ask_otherwise(lane, now);
      }
      [[fallthrough]];
    case QuestionMatch::kExact:
      if (attempt.upper_case != 0) lane.upstream->note_case_kept();
      // Names in the answer that point to the question are read in its case.
      std::memcpy(message.data() + dns::kHeaderBytes, slot.name.data(), slot.name_length);
      break;
    case QuestionMatch::kAbsent:
      break;
  }
  turn_to(lane, attempt);
  if (is_cut || (base::load_u16(message.data() + 2) & dns::kFlagTc)) {
    counters_.truncated.add();
    keep(slot, message, true);
    lane.is_truncated = true;
    lane.over_stream = true;
    return ask_otherwise(lane, now);
  }
  accept(lane, message, attempt.transmissions == 1 ? now - attempt.sent_at : base::Duration{}, now);
}

void Forwarder::Core::on_stream_message(StreamExchange& exchange, base::MutableBytes message,
                                        base::Instant now) noexcept {
  auto& lane = static_cast<Lane&>(exchange);
  Slot& slot = *lane.slot;
  switch (match_question(message, slot.question(), 0)) {
    case QuestionMatch::kDifferent:
      counters_.mismatched_question.add();
      return;
    case QuestionMatch::kCaseFolded:
      std::memcpy(message.data() + dns::kHeaderBytes, slot.name.data(), slot.name_length);
      break;
    case QuestionMatch::kExact:
    case QuestionMatch::kAbsent:
      break;
  }
  accept(lane, message, now - lane.sent_at, now);
}

void Forwarder::Core::on_stream_broken(StreamExchange& exchange, bool was_open, base::Instant now) noexcept {
  auto& lane = static_cast<Lane&>(exchange);
  lane.is_unreachable = true;
  lane.was_open = was_open;
  timer_.arm(*lane.slot, now);
}

/// A response whose ID and question are ours.
void Forwarder::Core::accept(Lane& lane, base::MutableBytes wire, base::Duration round_trip,
                             base::Instant now) noexcept {
  Slot& slot = *lane.slot;
  Upstream& upstream = *lane.upstream;
  const auto message = dns::MessageView::parse(wire);
  if (!message) {
    counters_.malformed.add();
    lane_failed(lane, LaneFailure::kUnusable, now);
    return;
  }
  const dns::Rcode rcode = message->rcode();
  if (is_edns_refusal(rcode) && lane.with_edns) {
    lane.with_edns = false;
    lane.is_edns_retry = true;
    return ask_otherwise(lane, now);
  }
  if (lane.is_edns_retry && !is_edns_refusal(rcode)) {
    upstream.disable_edns(now);
    counters_.edns_disabled.add();
  }
  upstream.note_answer();
  if (round_trip != base::Duration{}) upstream.note_round_trip(round_trip);
  if (rcode == dns::Rcode::kServFail || rcode == dns::Rcode::kRefused || !message->has_question()) {
    keep(slot, wire, false);
    lane_failed(lane, LaneFailure::kServerFailure, now);
    return;
  }
  upstream.preferred_address = lane.address;  // of two, one may be silent
  counters_.answers.add();
  finish(slot, ForwardOutcome::kAnswer, &*message, &upstream);
}

/// What is left to try with an upstream that could not be reached; true: it is under way.
bool Forwarder::Core::try_otherwise(Lane& lane, base::Instant now) noexcept {
  lane.is_unreachable = false;
  for (UdpAttempt& attempt : lane.attempts)
    if (attempt.is_unreachable) udp_.end(attempt);
  if (lane.state == Lane::State::kStream && lane.was_open && !lane.is_stream_retry) {
    lane.is_stream_retry = true;  // an upstream may close an idle connection just when we use it
  } else if (lane.state == Lane::State::kStream && lane.case_lost && !lane.is_truncated) {
    lane.over_stream = false;  // no TCP there: then without letter case
  } else if (++lane.addresses_failed < lane.upstream->addresses.size()) {
    ++lane.address;
  } else {
    return std::any_of(lane.attempts.begin(), lane.attempts.end(), is_open);  // another address may still answer
  }
  send(lane, now);
  return true;
}

bool Forwarder::Core::lane_failed(Lane& lane, LaneFailure failure, base::Instant now) noexcept {
  Slot& slot = *lane.slot;
  Upstream& upstream = *lane.upstream;
  slot.last_asked = &upstream;
  // An upstream that answers over UDP is alive, whatever its TCP does.
  const bool counts = lane.state != Lane::State::kStream || upstream.spec.protocol != UpstreamProtocol::kClassic;
  switch (failure) {
    case LaneFailure::kTimeout:
      counters_.timeouts.add();
      slot.had_timeout = true;
      upstream.preferred_address = static_cast<std::uint8_t>(lane.address + 1);
      if (counts) upstream.note_silence(now);
      if (UpstreamStream* stream = lane.stream) {
        end_exchanges(lane);
        stream->suspect(lane.sent_at);
      }
      break;
    case LaneFailure::kUnreachable:
      if (try_otherwise(lane, now)) return false;
      counters_.network_errors.add();
      if (counts) upstream.note_silence(now);
      break;
    case LaneFailure::kServerFailure:
      counters_.server_failures.add();
      upstream.note_server_failure(now);
      break;
    case LaneFailure::kUnusable:
      break;
  }
  end_lane(lane);
  if (!start_next(slot, lane, now)) {
    const bool is_asking = std::any_of(slot.lanes.begin(), slot.lanes.end(),
                                       [](const Lane& other) { return other.state != Lane::State::kIdle; });
    if (!is_asking) {
      finish_failed(slot);
      return true;
    }
  }
  arm(slot, now);
  return false;
}

/// Keeps what there is to say if nothing better comes. A truncated answer is worth more than a failure.
void Forwarder::Core::keep(Slot& slot, base::ByteView message, bool is_answer) noexcept {
  if (slot.kept && slot.kept_is_answer && !is_answer) return;
  if (!slot.kept) {
    if (kept_free_.empty()) {
      slot.kept = std::make_unique<KeptMessage>();
    } else {
      slot.kept = std::move(kept_free_.back());
      kept_free_.pop_back();
    }
  }
  KeptMessage& kept = *slot.kept;
  slot.kept_is_answer = is_answer;
  if (!is_answer && message.size() <= kept.bytes.size() && base::load_u16(message.data() + 4) == 1) {
    std::memcpy(kept.bytes.data(), message.data(), message.size());
    kept.length = static_cast<std::uint16_t>(message.size());
    return;
  }
  // Header and question are enough: the records of a truncated answer are not to be used (RFC 2181 9).
  std::uint8_t* p = kept.bytes.data();
  std::memcpy(p, message.data(), 4);
  if (is_answer) base::store_u16(p + 2, base::load_u16(p + 2) | dns::kFlagTc);
  base::store_u16(p + 4, 1);
  std::memset(p + 6, 0, 6);
  p += dns::kHeaderBytes;
  std::memcpy(p, slot.name.data(), slot.name_length);
  p += slot.name_length;
  base::store_u16(p, static_cast<std::uint16_t>(slot.qtype));
  base::store_u16(p + 2, static_cast<std::uint16_t>(slot.qclass));
  kept.length = static_cast<std::uint16_t>(p + 4 - kept.bytes.data());
}

}  // namespace rampart::resolver
