// The sockets of ports.dns: all of an address are opened, one pair for each worker, before any worker gets one, so a
// configuration that cannot have its addresses changes nothing.
#include <netdb.h>

#include <algorithm>

#include "base/log.h"
#include "control/server.h"
#include "resolver/listen_socket.h"

namespace rampart::control {

namespace log = base::log;

namespace {

// The sockets' addresses that one configured listen address stands for.
base::Result<std::vector<resolver::ListenOptions>, std::string> listen_options(const ListenAddress& address, bool free_bind) {
  std::vector<resolver::ListenOptions> all;
  if (address.host.empty()) {
    resolver::ListenOptions options;
    options.address = {address.address.value_or(base::IpAddress()), address.port};
    options.any_family = !address.address;
    options.free_bind = free_bind;
    all.push_back(options);
    return all;
  }
  addrinfo hints{};
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(address.host.c_str(), nullptr, &hints, &found); error != 0)
    return base::Error{"ports.dns: host name '" + address.host + "' has no address: " + gai_strerror(error)};
  for (const addrinfo* a = found; a != nullptr; a = a->ai_next)
    all.push_back({{base::IpAddress::from_sockaddr(*a->ai_addr), address.port}, false, free_bind, true});
  freeaddrinfo(found);
  return all;
}

}  // namespace

// Opens the sockets of every address that is not open yet, for all workers. On error all of them are closed again.
base::Result<std::vector<Server::OpenedListener>, std::string> Server::open_listeners(const Config& config) {
  std::vector<OpenedListener> opened;
  for (const auto& address : config.ports.dns) {
    const auto all = listen_options(address, config.ports.free_bind);
    if (!all.ok()) return base::Error{all.error()};
    for (const auto& options : *all) {
      if (std::find(listening_.begin(), listening_.end(), options.address) != listening_.end()) continue;
      if (std::any_of(opened.begin(), opened.end(), [&](const auto& o) { return o.address == options.address; })) continue;
      // Shared ports would silently split the clients between us and another program: look for it first.
      resolver::ListenOptions alone = options;
      alone.reuse_port = false;
      if (const auto udp = resolver::open_udp(alone); !udp.ok()) return base::Error{udp.error()};
      if (const auto tcp = resolver::open_tcp(alone); !tcp.ok()) return base::Error{tcp.error()};
      OpenedListener listener{options.address, {}};
      for (std::size_t i = 0; i < workers_.size(); ++i) {
        auto udp = resolver::open_udp(options);
        if (!udp.ok()) return base::Error{udp.error()};
        auto tcp = resolver::open_tcp(options);
        if (!tcp.ok()) return base::Error{tcp.error()};
        listener.pairs.push_back({options.address, std::move(udp).value(), std::move(tcp).value()});
      }
      opened.push_back(std::move(listener));
    }
  }
  return opened;
}

void Server::add_listeners(std::vector<OpenedListener> opened) {
  for (auto& listener : opened) {
    for (std::size_t i = 0; i < workers_.size(); ++i) {
      resolver::Worker& worker = *workers_[i];
      auto pair = std::make_shared<resolver::ListenPair>(std::move(listener.pairs[i]));
      worker.post([&worker, pair] { worker.add_listener(std::move(*pair)); });
    }
    listening_.push_back(listener.address);
    log::info("server", "listening", {{"address", listener.address.to_string()}, {"protocols", "udp, tcp"}});
  }
}

void Server::remove_listeners(const Config& next) {
  std::vector<base::IpEndpoint> wanted;
  for (const auto& address : next.ports.dns)
    if (const auto all = listen_options(address, next.ports.free_bind); all.ok())
      for (const auto& options : *all) wanted.push_back(options.address);
  for (auto it = listening_.begin(); it != listening_.end();) {
    if (std::find(wanted.begin(), wanted.end(), *it) != wanted.end()) {
      ++it;
      continue;
    }
    log::info("server", "no longer listening", {{"address", it->to_string()}});
    for (auto& worker : workers_) worker->post([&worker = *worker, address = *it] { worker.remove_listener(address); });
    it = listening_.erase(it);
  }
}

}  // namespace rampart::control
