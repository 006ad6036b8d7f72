#include "resolver/forwarder.h"

#include "resolver/forwarder_core.h"

namespace rampart::resolver {

Forwarder::Forwarder(boost::asio::io_context& io, const ForwarderOptions& options, ForwarderCounters& counters)
    : core_(std::make_unique<Core>(io, options, counters)) {}

Forwarder::~Forwarder() = default;

void Forwarder::adopt(std::shared_ptr<const UpstreamSet> set) { core_->adopt(std::move(set)); }

void Forwarder::resolve(const ForwardQuestion& question, ForwardWaiter& waiter, base::Instant now) noexcept {
  core_->resolve(question, waiter, now);
}

void Forwarder::cancel_all() noexcept { core_->cancel_all(); }

void Forwarder::probe(std::function<void(std::vector<ProbeResult>)> done) { core_->probe(std::move(done)); }

std::vector<UpstreamStatus> Forwarder::status(base::Instant now) const { return core_->status(now); }

std::size_t Forwarder::inflight() const noexcept { return core_->inflight(); }

std::size_t Forwarder::open_sockets() const noexcept { return core_->open_sockets(); }

std::size_t Forwarder::open_streams() const noexcept { return core_->open_streams(); }

}  // namespace rampart::resolver
