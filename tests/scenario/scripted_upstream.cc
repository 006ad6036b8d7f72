#include "tests/scenario/scripted_upstream.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>

#include "tests/support/loopback.h"
#include "tests/support/virtual_time.h"

namespace rampart::test {
namespace {

using test_support::bind_to;
using test_support::port_of;

constexpr int kPortDrawsMax = 100;  // a port must be free for both protocols

// A scripted upstream comes back to the port that it left.
bool bind_again(int fd, std::uint16_t port) {
  const int one = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
  return bind_to(fd, port);
}

UpstreamQuery read_query(Bytes wire) {
  UpstreamQuery query;
  if (wire.size() < dns::kHeaderBytes) throw std::runtime_error("an upstream was sent less than a header");
  query.has_edns = base::load_u16(wire.data() + 10) != 0;
  std::size_t at = dns::kHeaderBytes;
  while (at < wire.size() && wire[at] != 0) {
    if (!query.name.empty()) query.name += '.';
    for (std::size_t i = 1; i <= wire[at] && at + i < wire.size(); ++i) {
      const char c = static_cast<char>(wire[at + i]);
      query.has_upper_case |= c >= 'A' && c <= 'Z';
      query.name += c >= 'A' && c <= 'Z' ? static_cast<char>(c + 0x20) : c;
    }
    at += wire[at] + 1u;
  }
  if (at + 5 > wire.size()) throw std::runtime_error("an upstream was sent a query that is cut short");
  query.qtype = static_cast<dns::RrType>(base::load_u16(wire.data() + at + 1));
  query.wire = std::move(wire);
  return query;
}

void send_datagram(int fd, const base::IpEndpoint& to, const Bytes& wire) {
  sockaddr_storage address;
  const socklen_t length = to.to_sockaddr(address);
  sendto(fd, wire.data(), wire.size(), 0, reinterpret_cast<const sockaddr*>(&address), length);
}

}  // namespace

ScriptedUpstream::ScriptedUpstream() { open(); }

ScriptedUpstream::~ScriptedUpstream() { close(); }

void ScriptedUpstream::open() {
  for (int draw = 0; draw < kPortDrawsMax && listener_ < 0; ++draw) {
    if (udp_ < 0) {
      udp_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
      if (!bind_again(udp_, port_)) throw std::runtime_error("a scripted upstream cannot have its UDP port");
    }
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (bind_again(listener_, port_of(udp_)) && listen(listener_, 64) == 0) break;
    ::close(listener_);
    listener_ = -1;
    if (port_ == 0) {
      ::close(udp_);
      udp_ = -1;
    }
  }
  if (listener_ < 0) throw std::runtime_error("no loopback port is free for both UDP and TCP");
  port_ = port_of(udp_);
}

void ScriptedUpstream::close_tcp() {
  for (const auto& [fd, in] : connections_) ::close(fd);
  connections_.clear();
  if (listener_ >= 0) ::close(listener_);
  listener_ = -1;
}

void ScriptedUpstream::close() {
  close_tcp();
  if (udp_ >= 0) ::close(udp_);
  udp_ = -1;
  due_.clear();
  unread_.clear();
}

bool ScriptedUpstream::work() {
  bool was_busy = false;
  while (!due_.empty() && due_.begin()->first <= virtual_now()) {
    const Due due = std::move(due_.begin()->second);
    due_.erase(due_.begin());
    deliver(due.query, due.wire);
    was_busy = true;
  }
  std::vector<pollfd> fds = {{udp_, POLLIN, 0}, {listener_, POLLIN, 0}};  // poll() passes over negative ones
  for (const auto& [fd, in] : connections_) fds.push_back({fd, POLLIN, 0});
  if (poll(fds.data(), fds.size(), 0) <= 0) return was_busy;
  if (fds[0].revents != 0) was_busy |= read_udp();
  was_busy |= read_tcp();
  return was_busy;
}

bool ScriptedUpstream::read_udp() {
  bool was_busy = false;
  Bytes buffer(65536);
  sockaddr_storage from{};
  socklen_t length = sizeof(from);
  ssize_t n;
  while ((n = recvfrom(udp_, buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &length)) >= 0) {
    was_busy = true;
    UpstreamQuery query = read_query(Bytes(buffer.begin(), buffer.begin() + n));
    query.from = base::IpEndpoint::from_sockaddr(reinterpret_cast<const sockaddr&>(from));
    take(std::move(query));
  }
  return was_busy;
}

bool ScriptedUpstream::read_tcp() {
  bool was_busy = false;
  if (listener_ >= 0) {
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) {
      connections_[fd];
      was_busy = true;
    }
  }
  std::vector<UpstreamQuery> queries;
  for (auto it = connections_.begin(); it != connections_.end();) {
    auto& [fd, in] = *it;
    std::uint8_t buffer[4096];
    const ssize_t n = recv(fd, buffer, sizeof(buffer), 0);
    if (n == 0 || (n < 0 && errno != EAGAIN)) {
      ::close(fd);
      it = connections_.erase(it);
      was_busy = true;
      continue;
    }
    if (n > 0) in.insert(in.end(), buffer, buffer + n);
    while (in.size() >= 2 && in.size() >= 2u + base::load_u16(in.data())) {
      const auto end = in.begin() + 2 + base::load_u16(in.data());
      queries.push_back(read_query(Bytes(in.begin() + 2, end)));
      queries.back().over_tcp = true;
      queries.back().connection = fd;
      in.erase(in.begin(), end);
      was_busy = true;
    }
    ++it;
  }
  for (UpstreamQuery& query : queries) take(std::move(query));
  return was_busy;
}

void ScriptedUpstream::take(UpstreamQuery query) {
  ++asked_;
  if (!order_) {
    unread_.push_back(std::move(query));
    return;
  }
  if (auto answer = order_(query)) send(query, std::move(answer->first), answer->second);
}

void ScriptedUpstream::send(const UpstreamQuery& query, Bytes wire, std::chrono::milliseconds after) {
  if (after.count() == 0) return deliver(query, wire);
  due_.emplace(virtual_now() + after, Due{query, std::move(wire)});
}

void ScriptedUpstream::deliver(const UpstreamQuery& query, const Bytes& wire) {
  if (!query.over_tcp) return send_datagram(udp_, query.from, wire);
  if (connections_.count(query.connection) == 0) return;  // the asker has hung up
  Bytes frame(2);
  base::store_u16(frame.data(), static_cast<std::uint16_t>(wire.size()));
  frame.insert(frame.end(), wire.begin(), wire.end());
  if (::send(query.connection, frame.data(), frame.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(frame.size()))
    throw std::runtime_error("a scripted upstream could not send over TCP");
}

void ScriptedUpstream::send_from_elsewhere(const UpstreamQuery& query, const Bytes& wire) const {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  send_datagram(fd, query.from, wire);
  ::close(fd);
}

void ScriptedUpstream::drop_connection(const UpstreamQuery& query) {
  if (connections_.erase(query.connection) != 0) ::close(query.connection);
}

}  // namespace rampart::test
