#include "resolver/worker.h"

#include <algorithm>
#include <string>

#include <boost/asio/post.hpp>

#include "base/background_thread.h"
#include "resolver/conditional.h"

namespace rampart::resolver {
namespace {

constexpr std::chrono::microseconds kTurn{100};  ///< answers are short; the kernel's least

std::int64_t to_unix_us(base::WallTime time) noexcept {
  return std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()).count();
}

std::uint32_t elapsed_us(base::Instant from, base::Instant to) noexcept {
  return static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::microseconds>(to - from).count());
}

std::shared_ptr<ConnectionCensus> unlimited_connections() {
  return std::make_shared<ConnectionCensus>(SIZE_MAX, SIZE_MAX);
}

}  // namespace

Worker::Worker(const WorkerOptions& options, Cache& cache, const base::Published<PolicySnapshot>& policies,
               storage::QueryEventRing* events, storage::CacheExportRing* exports, ClientNames* names)
    : options_(options),
      connections_(options.connections ? options.connections : unlimited_connections()),
      keep_running_(io_.get_executor()), counters_(std::make_unique<WorkerCounters>()),
      forwarder_counters_(std::make_unique<ForwarderCounters>()),
      policy_(policies), names_(names), name_desk_(names != nullptr ? &names->desk(options.index) : nullptr),
      pipeline_(cache, *counters_, events, exports, name_desk_), timer_(io_), pool_(options.pending_max),
      forwarder_(io_, options.forwarder, *forwarder_counters_), response_(dns::kMessageBytesMax) {}

Worker::~Worker() { stop(); }

void Worker::start() {
  thread_ = std::thread([this] {
    base::name_thread("worker-" + std::to_string(options_.index));
    base::take_short_turns(kTurn);
    begin_batch();
    for (auto& listener : udp_) listener->start();
    for (auto& listener : streams_) listener->start();
    io_.run();
    // Everything that lives on the loop goes down on the loop's thread.
    for (auto& listener : streams_) listener->stop_reading(/*discard=*/true);
    forwarder_.cancel_all();  // the answers that this makes are written at once, as far as the sockets take them
    for (auto& listener : streams_) listener->close_all();
  });
}

void Worker::post(std::function<void()> task) { boost::asio::post(io_, std::move(task)); }

void Worker::add_listener(ListenPair sockets) {
  if (sockets.udp.get() >= 0) udp_.push_back(std::make_unique<UdpListener>(*this, std::move(sockets.udp), sockets.address));
  if (sockets.tcp.get() >= 0)
    streams_.push_back(std::make_unique<StreamListener>(*this, std::move(sockets.tcp), sockets.address));
  if (thread_.joinable()) {
    if (!udp_.empty()) udp_.back()->start();
    if (!streams_.empty()) streams_.back()->start();
  }
}

void Worker::remove_listener(const base::IpEndpoint& address) {
  for (auto it = udp_.begin(); it != udp_.end();) {
    if (!((*it)->address() == address)) {
      ++it;
      continue;
    }
    (*it)->retire();
    retired_.push_back(std::move(*it));
    it = udp_.erase(it);
  }
  for (auto& listener : streams_)
    if (listener->address() == address) listener->stop_accepting();
}

void Worker::drain() {
  post([this] {
    for (auto& listener : udp_) listener->stop_reading();
    for (auto& listener : streams_) listener->stop_reading();
  });
}

void Worker::stop() {
  keep_running_.reset();
  io_.stop();
  if (thread_.joinable()) thread_.join();
}

Worker::Batch Worker::begin_batch() {
  if (policy_.refresh()) {
    pipeline_.forget_clients();
    if (policy_.held()->upstreams) forwarder_.adopt(policy_.held()->upstreams);
  }
  pipeline_.begin_batch();
  return {policy_.held(), policy_.held().get(), base::monotonic_now(), to_unix_us(base::wall_now())};
}

PendingQuery* Worker::take_pending(const QueryContext& context, const Batch& batch) {
  const ClientShares::Places share = shares_.places_of(context.client);
  if (!shares_.may_take(share, std::min(pool_.left(), options_.forwarder.inflight_max - forwarder_.inflight()))) {
    counters_->client_share_exceeded.add();
    return nullptr;
  }
  PendingQuery* pending = pool_.take();
  if (pending == nullptr) {
    counters_->pending_exhausted.add();
    return nullptr;
  }
  shares_.enter(share);
  pending->share = share;
  pending_now_.store(pool_.in_use(), std::memory_order_relaxed);
  pending->worker = this;
  pending->done = [](ForwardWaiter& waiter, const ForwardResult& result) noexcept {
    auto& self = static_cast<PendingQuery&>(waiter);
    self.worker->finish(self, result);
  };
  pending->keep(context);
  pending->policy = batch.policy_owner;
  pending->arrival_unix_us = batch.wall_us;
  return pending;
}

void Worker::ask(PendingQuery& pending, base::Instant now) {
  const CachePolicy& cache = pending.policy->cache;
  const bool may_be_stale = pending.is_waited_for() && pending.context.detour == Detour::kNone;
  if (cache.serve_stale && cache.enabled && may_be_stale)
    timer_.arm(pending, now + cache.stale_client_timeout);
  const dns::QueryView& query = *pending.context.query;
  dns::FoldedName room;
  const ForwardQuestion question{name_for_upstreams(pending.context, *pending.policy, room),
                                 query.qtype(),
                                 query.qclass(),
                                 pending.context.upstream_group,
                                 query.dnssec_ok(),
                                 query.checking_disabled(),
                                 {}};
  forwarder_.resolve(question, pending, now);
}

bool Worker::forward(const QueryContext& context, const Batch& batch, UdpListener& listener,
                     const UdpReturnPath& path) {
  PendingQuery* pending = take_pending(context, batch);
  if (pending == nullptr) return false;
  pending->udp = &listener;
  listener.expect_answer();
  pending->return_path = path;
  ask(*pending, batch.now);
  return true;
}

bool Worker::forward(const QueryContext& context, const Batch& batch, std::shared_ptr<StreamConnection> stream) {
  PendingQuery* pending = take_pending(context, batch);
  if (pending == nullptr) return false;
  pending->stream = std::move(stream);
  ask(*pending, batch.now);
  wake_look_ups();
  return true;
}

void Worker::resolve_local(std::vector<std::uint8_t> message, const base::IpAddress& client, Protocol protocol,
                           LocalReply reply, std::string client_id) {
  post([this, message = std::move(message), client, protocol, reply = std::move(reply),
        client_id = std::move(client_id)]() mutable {
    resolve_local_now(message, client, protocol, std::move(reply), client_id);
    wake_look_ups();
  });
}

void Worker::look_up(const dns::Name& name, dns::RrType type, std::function<void(const ForwardResult&)> done) {
  struct LookUp : ForwardWaiter {
    std::function<void(const ForwardResult&)> reply;
  };
  post([this, name, type, done = std::move(done)]() mutable {
    const Batch batch = begin_batch();
    auto* waiter = new LookUp;
    waiter->reply = std::move(done);
    waiter->done = [](ForwardWaiter& self, const ForwardResult& result) noexcept {
      const std::unique_ptr<LookUp> ended(static_cast<LookUp*>(&self));
      ended->reply(result);
    };
    dns::FoldedName folded;
    folded.assign(name.view());
    forwarder_.resolve({folded, type, dns::RrClass::kIn, 0, false, false, {}}, *waiter, batch.now);
  });
}

// Behind the answers of a batch, never before them.
void Worker::wake_look_ups() {
  if (name_desk_ != nullptr && name_desk_->take_asked()) names_->wake();
}

void Worker::resolve_local_now(const std::vector<std::uint8_t>& message, const base::IpAddress& client,
                               Protocol protocol, LocalReply reply, const std::string& client_id) {
  const Batch batch = begin_batch();
  QueryContext context;
  ClientIdentity identity;
  if (!client_id.empty()) {
    identity = batch.policy->clients.identify_as(client, {client_id});
    context.given_identity = &identity;
  }
  context.wire = message;
  context.client = client;
  context.protocol = protocol;
  context.arrival = batch.now;
  std::size_t length = 0;
  pipeline_.begin(context, *batch.policy);
  const Disposition disposition = pipeline_.decide(context, *batch.policy, batch.now, response_, length);
  if (disposition == Disposition::kDrop) {
    reply({}, context, *batch.policy);
    return;
  }
  if (disposition == Disposition::kForward) {
    if (PendingQuery* pending = take_pending(context, batch)) {
      pending->local = std::move(reply);
      ask(*pending, batch.now);
      return;
    }
    length = pipeline_.refuse_overload(context, *batch.policy, batch.now, response_);
  }
  const auto response = base::ByteView(response_).first(length);
  reply(response, context, *batch.policy);
  note(context, batch, response);
}

void Worker::prefetch(const QueryContext& context, const Batch& batch) {
  PendingQuery* pending = take_pending(context, batch);
  if (pending == nullptr) return;
  counters_->prefetches.add();
  ask(*pending, batch.now);
}

void Worker::finish(PendingQuery& pending, const ForwardResult& result) noexcept {
  const base::Instant now = base::monotonic_now();
  timer_.cancel(pending);
  if (pending.is_waited_for()) {
    const PolicySnapshot& policy = *pending.policy;
    const auto out = room_for(pending);
    // Under a policy that has been replaced, its numbers of upstream groups no longer hold: nothing more is asked.
    const bool is_final = policy_.held() != pending.policy;
    std::size_t length = pipeline_.complete(pending.context, policy, result, now, out, is_final);
    if (length == 0 && pipeline_.ask_original(pending.context, policy, now, out, length) == Disposition::kForward) {
      ask(pending, now);
      return;
    }
    deliver(pending, base::ByteView(response_).first(length), now);
  } else {
    const auto refresh = pending.was_answered_stale ? Pipeline::Refresh::kAfterStale : Pipeline::Refresh::kPrefetch;
    pipeline_.store_only(pending.context, *pending.policy, result, refresh, now);
  }
  release(pending);
}

PendingQuery::PendingQuery()
    : Deadline([](Deadline& deadline, base::Instant now) noexcept {
        auto& self = static_cast<PendingQuery&>(deadline);
        self.worker->on_client_timeout(self, now);
      }) {}

/// The upstreams take long: what is expired is better than nothing, and what they say is stored when it comes.
void Worker::on_client_timeout(PendingQuery& pending, base::Instant now) noexcept {
  const std::size_t length = pipeline_.answer_stale(pending.context, *pending.policy, now, room_for(pending));
  if (length == 0) return;
  deliver(pending, base::ByteView(response_).first(length), now);
  forget_receiver(pending);
  pending.was_answered_stale = true;
}

void Worker::forget_receiver(PendingQuery& pending) noexcept {
  if (pending.udp != nullptr) pending.udp->forget_answer();
  pending.forget_receiver();
}

base::MutableBytes Worker::room_for(const PendingQuery& pending) noexcept {
  const std::size_t bytes = pending.udp != nullptr ? UdpListener::kResponseBytes : response_.size();
  return base::MutableBytes(response_).first(bytes);
}

void Worker::deliver(PendingQuery& pending, base::ByteView response, base::Instant now) noexcept {
  const PolicySnapshot& policy = *pending.policy;
  if (pending.udp != nullptr) pending.udp->send(pending.return_path, response);
  else if (pending.stream) pending.stream->complete(response, pending.context.query->edns().has_tcp_keepalive);
  else pending.local(response, pending.context, policy);
  const QueryTiming timing{pending.arrival_unix_us, elapsed_us(pending.context.arrival, now)};
  pipeline_.note(pending.context, policy, timing, response);
}

void Worker::release(PendingQuery& pending) noexcept {
  forget_receiver(pending);
  shares_.leave(pending.share);
  pool_.give_back(&pending);
  pending_now_.store(pool_.in_use(), std::memory_order_relaxed);
}

void Worker::note(const QueryContext& context, const Batch& batch, base::ByteView response) {
  pipeline_.note(context, *batch.policy, {batch.wall_us, elapsed_us(batch.now, base::monotonic_now())}, response);
  if (context.wants_prefetch) prefetch(context, batch);
  wake_look_ups();
}

void Worker::end_batch(const Batch& batch, std::span<QueryContext> contexts,
                       std::span<const Disposition> dispositions,
                       std::span<std::array<std::uint8_t, UdpListener::kResponseBytes>> responses,
                       std::span<const std::size_t> lengths, std::size_t count) {
  const QueryTiming timing{batch.wall_us, elapsed_us(batch.now, base::monotonic_now())};
  for (std::size_t i = 0; i < count; ++i) {
    if (dispositions[i] != Disposition::kRespond) continue;
    pipeline_.note(contexts[i], *batch.policy, timing, base::ByteView(responses[i]).first(lengths[i]));
    if (contexts[i].wants_prefetch) prefetch(contexts[i], batch);
  }
  wake_look_ups();
}

}  // namespace rampart::resolver
