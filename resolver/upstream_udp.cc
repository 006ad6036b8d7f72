#include "resolver/upstream_udp.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <boost/asio/post.hpp>

namespace rampart::resolver {
namespace {

constexpr std::uint32_t kSocketsIdle = 4;         ///< a lone query still has four ports to be at
constexpr std::uint32_t kQueriesPerSocket = 4;    ///< in flight, before the pool grows
constexpr int kIdDrawsMax = 64;                   ///< 64 in a row taken: the socket is full beyond use

}  // namespace

UdpSocket::UdpSocket()
    : StandingRead([](StandingRead& self) noexcept {
        auto& socket = static_cast<UdpSocket&>(self);
        socket.pool->transport->receive(socket);
      }) {}

UdpPool::~UdpPool() {
  if (transport != nullptr) transport->close(*this);
}

UdpTransport::UdpTransport(boost::asio::io_context& io, const ForwarderOptions& options, ForwarderCounters& counters,
                           base::SecureRandom& random, UdpHandler& handler)
    : io_(io), options_(options), counters_(counters), random_(random), handler_(handler),
      buffers_(std::make_unique<std::array<std::array<std::uint8_t, kDatagramBytes>, kBatch>>()) {
  for (std::size_t i = 0; i < kBatch; ++i) {
    vectors_[i] = {(*buffers_)[i].data(), kDatagramBytes};
    headers_[i].msg_hdr.msg_iov = &vectors_[i];
    headers_[i].msg_hdr.msg_iovlen = 1;
  }
}

UdpTransport::~UdpTransport() {
  *alive_ = false;
  for (auto& socket : all_) {
    if (socket->fd < 0) continue;
    socket->StandingRead::end();
    ::close(socket->fd);
  }
}

bool UdpTransport::begin(UdpPool& pool, UdpExchange& exchange, base::Instant now) noexcept {
  UdpSocket* socket = pick(pool, now);
  if (socket == nullptr) return false;
  const auto is_taken = [socket](std::uint16_t id) {
    for (const UdpExchange* other = socket->first; other != nullptr; other = other->next)
      if (other->udp_id == id) return true;
    return false;
  };
  std::uint16_t id = random_.next_u16();
  for (int draw = 0; is_taken(id); ++draw) {
    if (draw == kIdDrawsMax) return false;
    id = random_.next_u16();
  }
  exchange.udp_id = id;
  exchange.socket = socket;
  exchange.next = nullptr;
  exchange.previous = socket->last;
  (socket->last != nullptr ? socket->last->next : socket->first) = &exchange;
  socket->last = &exchange;
  ++socket->uses;
  ++socket->inflight;
  ++pool.inflight;
  return true;
}

bool UdpTransport::send(UdpExchange& exchange, base::ByteView message, base::Instant now) noexcept {
  const int fd = exchange.socket->fd;
  counters_.sent_udp.add();
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (::send(fd, message.data(), message.size(), MSG_NOSIGNAL) >= 0) return true;
    switch (errno) {
      case EAGAIN: case ENOBUFS: case ENOMEM: case EINTR:
        return true;
      case ECONNREFUSED:
        // The error of an earlier datagram: it is reported once, so tell the others, and send ours again.
        fail_all(*exchange.socket, &exchange, now);
        break;
      default:
        return false;
    }
  }
  return false;
}

void UdpTransport::end(UdpExchange& exchange) noexcept {
  UdpSocket* socket = exchange.socket;
  if (socket == nullptr) return;
  (exchange.previous != nullptr ? exchange.previous->next : socket->first) = exchange.next;
  (exchange.next != nullptr ? exchange.next->previous : socket->last) = exchange.previous;
  exchange.socket = nullptr;
  --socket->inflight;
  --socket->pool->inflight;
  if (socket->is_retired && socket->inflight == 0) close(*socket);
}

bool UdpTransport::is_spent(const UdpSocket& socket, base::Instant now) const noexcept {
  return socket.uses >= options_.socket_uses_max || now - socket.opened_at >= options_.socket_age_max;
}

UdpSocket* UdpTransport::pick(UdpPool& pool, base::Instant now) noexcept {
  const std::uint32_t wanted =
      std::min(options_.sockets_max, kSocketsIdle + pool.inflight / kQueriesPerSocket);
  const std::size_t at = random_.below(std::max(wanted, 1u));
  if (at < pool.sockets.size()) {
    UdpSocket* socket = pool.sockets[at];
    if (!is_spent(*socket, now)) return socket;
    retire(*socket);
  }
  if (UdpSocket* fresh = open(pool, now)) return fresh;
  // Out of descriptors: an old port is better than no answer.
  return pool.sockets.empty() ? nullptr : pool.sockets[random_.below(static_cast<std::uint32_t>(pool.sockets.size()))];
}

UdpSocket* UdpTransport::open(UdpPool& pool, base::Instant now) noexcept {
  sockaddr_storage address;
  const socklen_t length = pool.endpoint.to_sockaddr(address);
  // The kernel binds a random ephemeral port at connect().
  const int fd = ::socket(address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    counters_.socket_errors.add();
    return nullptr;
  }
  UdpSocket* socket = free_;
  if (socket != nullptr) {
    free_ = socket->next_free;
  } else {
    all_.push_back(std::make_unique<UdpSocket>());
    socket = all_.back().get();
  }
  static_cast<UdpSocketState&>(*socket) = {};
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), length) != 0 ||
      !socket->StandingRead::begin(io_, fd)) {
    counters_.socket_errors.add();
    ::close(fd);
    socket->next_free = free_;
    free_ = socket;
    return nullptr;
  }
  socket->fd = fd;
  socket->pool = &pool;
  socket->serial = ++serial_;
  socket->opened_at = now;
  pool.transport = this;
  pool.sockets.push_back(socket);
  ++open_;
  counters_.sockets_opened.add();
  return socket;
}

void UdpTransport::retire(UdpSocket& socket) noexcept {
  auto& sockets = socket.pool->sockets;
  const auto it = std::find(sockets.begin(), sockets.end(), &socket);
  if (it != sockets.end()) {
    *it = sockets.back();
    sockets.pop_back();
  }
  socket.is_retired = true;
  if (socket.inflight == 0) close(socket);
}

void UdpTransport::close(UdpSocket& socket) noexcept {
  socket.StandingRead::end();
  ::close(socket.fd);
  socket.fd = -1;
  socket.next_free = free_;
  free_ = &socket;
  --open_;
}

void UdpTransport::sweep(UdpPool& pool, base::Instant now) noexcept {
  for (std::size_t i = pool.sockets.size(); i-- > 0;)
    if (pool.sockets[i]->inflight == 0 && is_spent(*pool.sockets[i], now)) retire(*pool.sockets[i]);
}

void UdpTransport::close(UdpPool& pool) noexcept {
  while (!pool.sockets.empty()) retire(*pool.sockets.back());
}

void UdpTransport::fail_all(UdpSocket& socket, const UdpExchange* except, base::Instant now) noexcept {
  for (UdpExchange* exchange = socket.first; exchange != nullptr;) {
    UdpExchange* next = exchange->next;
    if (exchange != except) handler_.on_unreachable(*exchange, now);
    exchange = next;
  }
}

void UdpTransport::receive(UdpSocket& socket) noexcept {
  const std::uint64_t serial = socket.serial;
  const auto is_open = [&socket, serial] { return socket.fd >= 0 && socket.serial == serial; };
  for (int round = 0; round < kRoundsMax; ++round)
    if (!receive_batch(socket) || !is_open()) return;
  // The kernel tells only of what arrives from now on.
  boost::asio::post(io_, [this, alive = alive_, &socket, is_open] {
    if (*alive && is_open()) receive(socket);
  });
}

bool UdpTransport::receive_batch(UdpSocket& socket) noexcept {
  const int count = recvmmsg(socket.fd, headers_.data(), kBatch, MSG_DONTWAIT, nullptr);
  const base::Instant now = base::monotonic_now();
  if (count < 0) {
    if (errno == EAGAIN) return false;
    if (errno != EINTR) fail_all(socket, nullptr, now);
    return true;  // there may be answers behind the error; one that comes between two answers is told of by itself
  }
  const std::uint64_t serial = socket.serial;
  for (int i = 0; i < count; ++i) {
    const mmsghdr& header = headers_[i];
    const base::MutableBytes message((*buffers_)[i].data(), header.msg_len);
    UdpExchange* exchange = nullptr;
    if (message.size() >= dns::kHeaderBytes && socket.fd >= 0 && socket.serial == serial) {
      const std::uint16_t id = base::load_u16(message.data());
      exchange = socket.first;
      while (exchange != nullptr && exchange->udp_id != id) exchange = exchange->next;
    }
    if (exchange == nullptr)
      counters_.mismatched_id.add();
    else
      handler_.on_datagram(*exchange, message, header.msg_hdr.msg_flags & MSG_TRUNC, now);
  }
  return static_cast<std::size_t>(count) == kBatch;
}

}  // namespace rampart::resolver
