// The engine of the forwarder, as far as it looks after upstreams rather than questions: taking over a configuration,
// the addresses of host names, what comes round each second, and probes.
#include <algorithm>

#include "base/log.h"
#include "resolver/forwarder_core.h"

namespace rampart::resolver {
namespace {

using namespace std::chrono_literals;

constexpr base::Duration kSweepEvery = 1s;
constexpr base::Duration kProbeEvery = 3s;      ///< of an upstream that is down
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
