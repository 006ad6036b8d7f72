#include "resolver/client_names.h"

#include <boost/asio/post.hpp>

#include <exception>

#include "base/background_thread.h"
#include "base/log.h"

namespace rampart::resolver {

namespace asio = boost::asio;

ClientNames::ClientNames(std::size_t workers, const ClientNameLimits& limits) : store_(limits) {
  published_.publish(std::make_shared<const ClientNameTable>());
  for (std::size_t i = 0; i < workers; ++i) desks_.push_back(std::make_unique<ClientNameDesk>(published_));
}

ClientNames::~ClientNames() { stop(); }

void ClientNames::stop() {
  io_.stop();
  if (thread_.joinable()) thread_.join();
}

void ClientNames::configure(const ClientNamesOptions& options) {
  if (options == configured_) return;
  configured_ = options;
  asio::post(io_, [this, options] { adopt(options); });
  if (thread_.joinable()) return;
  thread_ = std::thread([this] {
    base::name_thread("client-names");
    io_.run();
  });
}

std::uint64_t ClientNames::requests_refused() const noexcept {
  std::uint64_t sum = 0;
  for (const auto& desk : desks_) sum += desk->refused();
  return sum;
}

void ClientNames::wake() {
  if (!is_woken_.exchange(true)) asio::post(io_, [this] { on_wake(); });
}

// Serves what waits at once, and then again after a pause in which nobody needs to wake us.
void ClientNames::on_wake() {
  drain();
  wake_timer_.expires_after(kWakePause);
  wake_timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    is_woken_.exchange(false);  // before the rings are read: what comes later wakes us again
    drain();
  });
}

void ClientNames::drain() {
  const base::Instant now = base::monotonic_now();
  for (auto& desk : desks_)
    desk->drain([&](const base::IpAddress& client) {
      if (options_.server) store_.request(client, now);
    });
  pump();
}

void ClientNames::adopt(const ClientNamesOptions& options) {
  options_ = options;
  ++generation_;
  channel_.reset();  // its look-ups under way are forgotten
  servers_.clear();
  bootstrap_.reset();
  server_timer_.cancel();
  store_.reset(options.single_name_order);
  publish();
  if (!options_.server) return;
  if (const auto address = base::IpAddress::parse(options_.server->host))
    return open_channel({{*address, options_.server->port}});
  find_server();
  watch_server();
}

void ClientNames::open_channel(std::vector<base::IpEndpoint> servers) {
  if (channel_ && servers == servers_) return;
  if (channel_) store_.abandon_look_ups();
  try {
    channel_ = std::make_unique<CaresChannel>(io_, deadlines_, servers);
    servers_ = std::move(servers);
  } catch (const std::exception& e) {
    base::log::error("client_names", "clientLookup.upstream cannot be asked", {{"error", e.what()}});
    return;
  }
  pump();
}

void ClientNames::find_server() {
  try {
    bootstrap_ = std::make_unique<CaresChannel>(io_, deadlines_, options_.bootstrap.servers);
  } catch (const std::exception& e) {
    base::log::error("client_names", "clientLookup.upstream cannot be looked up", {{"error", e.what()}});
    return;
  }
  bootstrap_->addresses(options_.server->host, options_.bootstrap.families, [this](HostAddresses found) {
    std::vector<base::IpEndpoint> servers;
    for (const auto& ip : found.ips) servers.push_back({ip, options_.server->port});
    if (servers.empty())
      base::log::warn("client_names", "the host of clientLookup.upstream is not found",
                      {{"host", options_.server->host}, {"error", found.error}});
    // Not from inside a call of the channel that goes.
    asio::post(io_, [this, servers = std::move(servers), generation = generation_] {
      if (!servers.empty() && generation == generation_) open_channel(servers);
    });
  });
}

// A host that is unknown yet may come, and one that no longer answers may have moved.
void ClientNames::watch_server() {
  server_timer_.expires_after(kServerPause);
  server_timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    if (!channel_ || store_.is_server_silent()) find_server();
    watch_server();
  });
}

void ClientNames::pump() {
  if (!channel_) return;
  while (const auto client = store_.next()) {
    channel_->names(*client, [this, client = *client](const HostNames& found) {
      store_.finish(client, found, base::monotonic_now());
      publish();
      asio::post(io_, [this] { pump(); });
    });
  }
}

void ClientNames::publish() {
  if (is_publish_due_) return;
  const auto publish_now = [this] {
    published_at_ = base::monotonic_now();
    if (store_.has_news()) published_.publish(store_.table());
    published_.take_unused().clear();  // here, not on a worker
  };
  if (base::monotonic_now() - published_at_ >= kPublishPause) return publish_now();
  is_publish_due_ = true;
  publish_timer_.expires_after(kPublishPause);
  publish_timer_.async_wait([this, publish_now](const boost::system::error_code& error) {
    is_publish_due_ = false;
    if (!error) publish_now();
  });
}

}  // namespace rampart::resolver
