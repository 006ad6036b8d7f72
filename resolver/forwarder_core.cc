#include "resolver/forwarder_core.h"

#include <algorithm>
#include <cstring>

#include "base/log.h"
#include "dns/message_view.h"

namespace rampart::resolver {
namespace {

using namespace std::chrono_literals;

constexpr int kTransmissionsMax = 3;            ///< of one query to one upstream within its deadline
constexpr base::Duration kResendMin = 300ms;    ///< a cold recursion is slow: do not double it too soon
constexpr unsigned kStrictTimeoutsMax = 3;      ///< all of a strict group together: clients give up at 5 s or so
constexpr base::Duration kSweepEvery = 1s;
constexpr base::Duration kProbeEvery = 3s;      ///< of an upstream that is down
constexpr base::Duration kProbeTimeout = 2s;
constexpr base::Duration kHostTtlMin = 30s;     ///< a name with TTL 0 must not be looked up for each query
constexpr base::Duration kHostTtlMax = 1h;
constexpr base::Duration kLookUpRetry = 5s;

/// The question of probes, as Blocky asks it.
const dns::FoldedName& probe_name() {
  static const dns::FoldedName name = [] {
    dns::FoldedName folded;
    folded.assign(dns::Name::parse("example.com")->view());
    return folded;
  }();
  return name;
}

ForwardQuestion probe_question() noexcept {
  return {probe_name(), dns::RrType::kA, dns::RrClass::kIn, 0, false, false, {}};
}

bool is_supported(UpstreamProtocol protocol) noexcept {
  return protocol == UpstreamProtocol::kClassic || protocol == UpstreamProtocol::kDot;
}

bool is_edns_refusal(dns::Rcode rcode) noexcept {
  return rcode == dns::Rcode::kFormErr || rcode == dns::Rcode::kNotImp || rcode == dns::Rcode::kBadVers;
}

std::unique_ptr<boost::asio::ssl::context> make_tls_context(const ForwarderOptions& options) {
  namespace ssl = boost::asio::ssl;
  auto context = std::make_unique<ssl::context>(ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_2_VERSION);
  boost::system::error_code error;
  if (options.tls_ca_file.empty())
    context->set_default_verify_paths(error);
  else
    context->load_verify_file(options.tls_ca_file, error);
  if (error)
    base::log::error("upstream", "no certificate authorities for upstreams over TLS: " + error.message() +
                                     "; install the system's CA certificates, or name a file that can be read",
                     {{"file", options.tls_ca_file}});
  return context;
}

}  // namespace

Forwarder::Core::Core(boost::asio::io_context& io, const ForwarderOptions& options, ForwarderCounters& counters,
                      ReadinessSet* ready)
    : options_(options), io_(io), counters_(counters), timer_(io), udp_(io, options_, counters_, random_, *this, ready),
      table_(
          options_.inflight_max,
          [](Deadline& deadline, base::Instant now) noexcept {
            auto& slot = static_cast<Slot&>(deadline);
            static_cast<Core*>(slot.owner)->on_slot_timer(slot, now);
          },
          this),
      sweep_(*this) {
  probe_name();
}

Forwarder::Core::~Core() { cancel_all(); }

// ---- configuration

void Forwarder::Core::adopt(std::shared_ptr<const UpstreamSet> set) {
  std::vector<std::shared_ptr<Upstream>> known;
  if (set_)
    for (const ActiveGroup& group : set_->groups)
      known.insert(known.end(), group.upstreams.begin(), group.upstreams.end());
  const auto upstream_for = [&known](const UpstreamSpec& spec) {
    for (const auto& upstream : known)
      if (upstream->spec == spec) return upstream;
    return known.emplace_back(std::make_shared<Upstream>(spec));
  };

  auto active = std::make_shared<ActiveSet>();
  for (const UpstreamGroup& group : set->groups) {
    ActiveGroup& mine = active->groups.emplace_back(ActiveGroup{group.name, group.strategy, group.timeout, {}});
    for (const UpstreamSpec& spec : group.upstreams) {
      if (mine.upstreams.size() == kUpstreamsPerGroupMax) {
        base::log::warn("upstream", "upstream group `" + group.name + "` has " + std::to_string(group.upstreams.size()) +
                                        " upstreams; only the first " + std::to_string(kUpstreamsPerGroupMax) +
                                        " are used");
        break;
      }
      if (!is_supported(spec.protocol))
        base::log::warn("upstream", "upstream `" + to_text(spec) + "` is never asked: its protocol is not supported yet; " +
                                        "use `tcp+udp:` or `tcp-tls:`");
      if (spec.protocol == UpstreamProtocol::kDot && !tls_) tls_ = make_tls_context(options_);
      mine.upstreams.push_back(upstream_for(spec));
    }
  }
  active->config = std::move(set);
  const std::shared_ptr<const ActiveSet> before = std::move(set_);
  set_ = std::move(active);
  adopt_bootstrap(before ? before->config.get() : nullptr);
}

// ---- host names of upstreams

/// Looks up at once what has a host name, so that the first query need not wait.
void Forwarder::Core::adopt_bootstrap(const UpstreamSet* before) {
  const bool is_changed = before == nullptr || before->bootstrap != set_->config->bootstrap;
  const base::Instant now = base::monotonic_now();
  if (is_changed) channel_.reset();  // and forget what it was about to find
  for (const ActiveGroup& group : set_->groups) {
    for (const auto& upstream : group.upstreams) {
      if (!upstream->has_host_name()) continue;
      if (is_changed) {
        upstream->is_looked_up = false;
        upstream->look_up_at = now;
      }
      look_up(*upstream, now);
    }
  }
}

/// Starts a look-up if one is due. Never waits for it.
void Forwarder::Core::look_up(Upstream& upstream, base::Instant now) noexcept {
  if (!upstream.has_host_name() || upstream.is_looked_up || now < upstream.look_up_at || !set_) return;
  const BootstrapOptions& bootstrap = set_->config->bootstrap;
  upstream.is_looked_up = true;
  try {
    if (!channel_) channel_ = std::make_unique<CaresChannel>(io_, timer_, bootstrap.servers);
    channel_->addresses(upstream.spec.host, bootstrap.families,
                        [this, weak = upstream.weak_from_this()](const HostAddresses& found) {
                          if (const auto shared = weak.lock()) on_looked_up(*shared, found);
                        });
  } catch (const std::exception& failure) {
    on_looked_up(upstream, {{}, {}, failure.what()});
  }
}

void Forwarder::Core::on_looked_up(Upstream& upstream, const HostAddresses& found) noexcept {
  const base::Instant now = base::monotonic_now();
  upstream.is_looked_up = false;
  if (found.ips.empty()) {
    counters_.host_failures.add();
    upstream.look_up_at = now + kLookUpRetry;
    if (!upstream.has_look_up_failed)
      base::log::warn("upstream", "the host name of upstream `" + upstream.text + "` cannot be resolved: " + found.error +
                                      (upstream.addresses.empty() ? "; it is not asked until it can" : "; its last addresses stay in use") +
                                      ". Check `bootstrapDns`");
    upstream.has_look_up_failed = true;
  } else {
    const base::Duration ttl = std::clamp<base::Duration>(found.ttl, kHostTtlMin, kHostTtlMax);
    upstream.look_up_at = now + ttl * 3 / 4;
    upstream.has_look_up_failed = false;
    upstream.set_addresses(found.ips);
  }
  table_.for_each_in_flight([&](Slot& slot) {
    for (Lane& lane : slot.lanes) {
      if (lane.state != Lane::State::kAddress || lane.upstream != &upstream) continue;
      if (upstream.addresses.empty())
        lane.is_unreachable = true;
      else
        send(lane, now);
      arm(slot, now);
    }
  });
}

std::vector<UpstreamStatus> Forwarder::Core::status(base::Instant now) const {
  std::vector<UpstreamStatus> all;
  if (!set_) return all;
  for (const ActiveGroup& group : set_->groups)
    for (const auto& upstream : group.upstreams)
      all.push_back({group.name, upstream->text, upstream->weight(now), upstream->is_down(), upstream->round_trip()});
  return all;
}

std::size_t Forwarder::Core::open_streams() const noexcept {
  std::size_t open = 0;
  if (set_)
    for (const ActiveGroup& group : set_->groups)
      for (const auto& upstream : group.upstreams)
        for (const auto& address : upstream->addresses) open += address->stream && address->stream->is_connected();
  return open;
}

// ---- a slot's life

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

// ---- a lane's life

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
  end_exchange(lane);
  lane.state = lane.over_stream ? Lane::State::kStream : Lane::State::kUdp;
  lane.sent_at = now;
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
  if (!udp_.begin(address.udp, lane, now)) {
    lane.is_unreachable = true;
    return;
  }
  lane.upper_case = options_.use_0x20 && lane.upstream->keeps_case() && !lane.case_lost ? random_.next_u64() : 0;
  transmit(lane, now);
}

void Forwarder::Core::send_stream(Lane& lane, UpstreamAddress& address, base::Instant) noexcept {
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
  lane.upper_case = 0;
  lane.transmissions = 1;
  std::array<std::uint8_t, kUpstreamQueryBytesMax> query;
  const std::size_t length =
      write_upstream_query(lane.slot->question(), {lane.stream_id, 0, lane.with_edns, is_tls}, query);
  address.stream->send({query.data(), length});
}

void Forwarder::Core::transmit(Lane& lane, base::Instant now) noexcept {
  std::array<std::uint8_t, kUpstreamQueryBytesMax> query;
  const std::size_t length = write_upstream_query(lane.slot->question(),
                                                  {lane.udp_id, lane.upper_case, lane.with_edns}, query);
  if (!udp_.send(lane, {query.data(), length}, now)) lane.is_unreachable = true;
  ++lane.transmissions;
  const base::Duration left = lane.deadline - lane.sent_at;
  const base::Duration interval = std::min(std::max(8 * lane.upstream->round_trip(), kResendMin), left / kTransmissionsMax);
  lane.resend_at = lane.transmissions < kTransmissionsMax ? now + interval : base::Instant::max();
}

void Forwarder::Core::resend_udp(Lane& lane, base::Instant now) noexcept {
  counters_.retransmitted.add();
  if (lane.upstream->addresses.size() > 1) {
    ++lane.address;
    return send(lane, now);
  }
  // The same datagram from the same port: another ID would only give a forger another target.
  transmit(lane, now);
}

void Forwarder::Core::end_exchange(Lane& lane) noexcept {
  udp_.end(lane);
  if (lane.stream != nullptr) lane.stream->end(lane);
}

void Forwarder::Core::end_lane(Lane& lane) noexcept {
  end_exchange(lane);
  lane.state = Lane::State::kIdle;
  lane.is_unreachable = false;
}

void Forwarder::Core::on_unreachable(UdpExchange& exchange, base::Instant now) noexcept {
  auto& lane = static_cast<Lane&>(exchange);
  lane.is_unreachable = true;
  timer_.arm(*lane.slot, now);
}

void Forwarder::Core::on_datagram(UdpExchange& exchange, base::MutableBytes message, bool is_cut,
                                  base::Instant now) noexcept {
  auto& lane = static_cast<Lane&>(exchange);
  Slot& slot = *lane.slot;
  switch (match_question(message, slot.question(), lane.upper_case)) {
    case QuestionMatch::kDifferent:
      counters_.mismatched_question.add();
      return;  // keep waiting: the true answer may still come
    case QuestionMatch::kCaseFolded:
      if (lane.upper_case != 0) {
        // Perhaps the upstream loses letter case, perhaps a forger guessed ID and port: TCP tells.
        counters_.case_folded.add();
        if (lane.upstream->note_case_lost()) counters_.case_disabled.add();
        lane.case_lost = true;
        lane.over_stream = true;
        send(lane, now);
        return arm(slot, now);
      }
      [[fallthrough]];
    case QuestionMatch::kExact:
      if (lane.upper_case != 0) lane.upstream->note_case_kept();
      // Names in the answer that point to the question are read in its case.
      std::memcpy(message.data() + dns::kHeaderBytes, slot.name.data(), slot.name_length);
      break;
    case QuestionMatch::kAbsent:
      break;
  }
  if (is_cut || (base::load_u16(message.data() + 2) & dns::kFlagTc)) {
    counters_.truncated.add();
    keep(slot, message, true);
    lane.is_truncated = true;
    lane.over_stream = true;
    send(lane, now);
    return arm(slot, now);
  }
  accept(lane, message, now);
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
  accept(lane, message, now);
}

void Forwarder::Core::on_stream_broken(StreamExchange& exchange, bool was_open, base::Instant now) noexcept {
  auto& lane = static_cast<Lane&>(exchange);
  lane.is_unreachable = true;
  lane.was_open = was_open;
  timer_.arm(*lane.slot, now);
}

/// A response whose ID and question are ours.
void Forwarder::Core::accept(Lane& lane, base::MutableBytes wire, base::Instant now) noexcept {
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
    send(lane, now);
    return arm(slot, now);
  }
  if (lane.is_edns_retry && !is_edns_refusal(rcode)) {
    upstream.disable_edns(now);
    counters_.edns_disabled.add();
  }
  upstream.note_answer();
  if (lane.transmissions == 1) upstream.note_round_trip(now - lane.sent_at);
  if (rcode == dns::Rcode::kServFail || rcode == dns::Rcode::kRefused || !message->has_question()) {
    keep(slot, wire, false);
    lane_failed(lane, LaneFailure::kServerFailure, now);
    return;
  }
  counters_.answers.add();
  finish(slot, ForwardOutcome::kAnswer, &*message, &upstream);
}

/// What is left to try with an upstream that could not be reached; true: it is under way.
bool Forwarder::Core::try_otherwise(Lane& lane, base::Instant now) noexcept {
  lane.is_unreachable = false;
  if (lane.state == Lane::State::kStream && lane.was_open && !lane.is_stream_retry) {
    lane.is_stream_retry = true;  // an upstream may close an idle connection just when we use it
  } else if (lane.state == Lane::State::kStream && lane.case_lost && !lane.is_truncated) {
    lane.over_stream = false;  // no TCP there: then without letter case
  } else if (++lane.addresses_failed < lane.upstream->addresses.size()) {
    ++lane.address;
  } else {
    return false;
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
        end_exchange(lane);
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

// ---- what comes round

void Forwarder::Core::arm_sweep(base::Instant now) noexcept {
  if (!sweep_.is_armed()) timer_.arm(sweep_, now + kSweepEvery);
}

void Forwarder::Core::on_sweep(base::Instant now) noexcept {
  if (!set_) return;
  bool is_any_down = false;
  for (const ActiveGroup& group : set_->groups) {
    for (const auto& upstream : group.upstreams) {
      look_up(*upstream, now);
      upstream->drop_former_addresses();
      for (auto& address : upstream->addresses) udp_.sweep(address->udp, now);
      if (!upstream->is_down()) continue;
      is_any_down = true;
      if (now < upstream->probe_at) continue;
      upstream->probe_at = now + kProbeEvery;
      (void)probe_one(upstream, nullptr, now);
    }
  }
  if (is_any_down || udp_.open_sockets() != 0) arm_sweep(now);
}

bool Forwarder::Core::probe_one(std::shared_ptr<Upstream> upstream, ForwardWaiter* waiter, base::Instant now) noexcept {
  const ForwardQuestion question = probe_question();
  Slot* slot = table_.take();
  if (slot == nullptr) return false;
  slot->only = std::move(upstream);
  table_.enter(*slot, question, table_.hash(question));  // without a set: nobody joins
  slot->first = slot->last = waiter;
  counters_.inflight.set(table_.size());
  start(*slot, now);
  return true;
}

void Forwarder::Core::probe(std::function<void(std::vector<ProbeResult>)> done) {
  struct Run {
    std::vector<ProbeResult> results;
    std::function<void(std::vector<ProbeResult>)> done;
    std::size_t left = 0;
  };
  struct Waiter : ForwardWaiter {
    std::shared_ptr<Run> run;
    std::size_t index;
  };
  auto run = std::make_shared<Run>();
  run->done = std::move(done);
  std::vector<std::shared_ptr<Upstream>> upstreams;
  if (set_) {
    for (const ActiveGroup& group : set_->groups) {
      for (const auto& upstream : group.upstreams) {
        upstreams.push_back(upstream);
        run->results.push_back({group.name, upstream->text, false, {}});
      }
    }
  }
  if (upstreams.empty()) {
    boost::asio::post(timer_.get_executor(), [run] { run->done({}); });
    return;
  }
  run->left = upstreams.size();
  const base::Instant now = base::monotonic_now();
  for (std::size_t i = 0; i < upstreams.size(); ++i) {
    auto* waiter = new Waiter;  // frees itself in done(), which is called exactly once
    waiter->run = run;
    waiter->index = i;
    waiter->done = [](ForwardWaiter& base, const ForwardResult& result) noexcept {
      const std::unique_ptr<Waiter> self(static_cast<Waiter*>(&base));
      ProbeResult& mine = self->run->results[self->index];
      mine.ok = result.outcome == ForwardOutcome::kAnswer;
      switch (result.outcome) {
        case ForwardOutcome::kAnswer: break;
        case ForwardOutcome::kTimeout: mine.error = "no answer within 2 s"; break;
        case ForwardOutcome::kNetworkError: mine.error = "unreachable"; break;
        case ForwardOutcome::kServFail: mine.error = "it answered SERVFAIL or REFUSED"; break;
        case ForwardOutcome::kOverload: mine.error = "too many questions in flight"; break;
      }
      if (--self->run->left == 0) self->run->done(std::move(self->run->results));
    };
    if (!probe_one(upstreams[i], waiter, now)) {
      boost::asio::post(timer_.get_executor(), [waiter] {
        waiter->done(*waiter, {ForwardOutcome::kOverload, nullptr, {}});
      });
    }
  }
}

}  // namespace rampart::resolver
