#include "tests/support/fake_upstream.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

#include "tests/support/loopback.h"

namespace rampart::test {
namespace {

using test_support::bind_to;
using test_support::port_of;

FakeQuery read_query(base::ByteView wire) {
  FakeQuery query;
  query.wire.assign(wire.begin(), wire.end());
  if (wire.size() < 12) return query;
  query.id = base::load_u16(wire.data());
  query.has_edns = base::load_u16(wire.data() + 10) != 0;
  std::size_t at = 12;
  while (at < wire.size() && wire[at] != 0) {
    if (!query.name.empty()) query.name += '.';
    for (std::size_t i = 1; i <= wire[at] && at + i < wire.size(); ++i) {
      char c = static_cast<char>(wire[at + i]);
      if (c >= 'A' && c <= 'Z') {
        query.has_upper_case = true;
        c = static_cast<char>(c + 0x20);
      }
      query.name += c;
    }
    at += wire[at] + 1u;
  }
  if (at + 3 <= wire.size()) query.qtype = static_cast<dns::RrType>(base::load_u16(wire.data() + at + 1));
  return query;
}

}  // namespace

FakeUpstream::FakeUpstream(FakeScript script, std::uint32_t host, std::uint16_t port) : script_(std::move(script)) {
  wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  for (int i = 0; i < 100 && listener_ < 0; ++i) {  // one port for both protocols
    udp_ = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (bind_to(udp_, port, host) && bind_to(tcp, port_of(udp_), host) && listen(tcp, 64) == 0) {
      listener_ = tcp;
    } else {
      close(udp_);
      close(tcp);
    }
  }
  if (listener_ < 0) throw std::runtime_error("fake upstream: no loopback port free for both UDP and TCP");
  const int buffer = 4 << 20;
  setsockopt(udp_, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
  port_ = port_of(udp_);
  thread_ = std::thread([this] { run(); });
}

FakeUpstream::~FakeUpstream() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  const std::uint64_t one = 1;
  (void)!write(wake_, &one, sizeof(one));
  thread_.join();
  for (auto& [fd, connection] : connections_) close(fd);
  close(udp_);
  close(listener_);
  close(wake_);
}

resolver::UpstreamSpec FakeUpstream::spec() const {
  return {resolver::UpstreamProtocol::kClassic, "127.0.0.1", port_, {}, {}, {}, {}};
}

void FakeUpstream::set_script(FakeScript script) {
  const std::lock_guard lock(mutex_);
  script_ = std::move(script);
}

std::vector<FakeQuery> FakeUpstream::queries() const {
  const std::lock_guard lock(mutex_);
  return queries_;
}

std::size_t FakeUpstream::count() const {
  const std::lock_guard lock(mutex_);
  return queries_.size();
}

std::size_t FakeUpstream::tcp_connections() const {
  const std::lock_guard lock(mutex_);
  return tcp_connections_;
}

bool FakeUpstream::wait_for(std::size_t queries) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::seconds(5), [&] { return queries_.size() >= queries; });
}

bool FakeUpstream::wait_for_replies(std::size_t queries) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::seconds(5), [&] { return replied_ >= queries; });
}

void FakeUpstream::run() {
  while (true) {
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return;
    }
    std::vector<pollfd> fds = {{wake_, POLLIN, 0}, {udp_, POLLIN, 0}, {listener_, POLLIN, 0}};
    for (auto& [fd, connection] : connections_) fds.push_back({fd, POLLIN, 0});
    int wait = -1;
    if (!pending_.empty()) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(pending_.begin()->first -
                                                                     std::chrono::steady_clock::now());
      wait = static_cast<int>(std::max<std::int64_t>(0, left.count()));
    }
    poll(fds.data(), fds.size(), wait);
    while (!pending_.empty() && pending_.begin()->first <= std::chrono::steady_clock::now()) {
      const Pending due = std::move(pending_.begin()->second);
      pending_.erase(pending_.begin());
      deliver(due);
    }
    if (fds[1].revents) {
      std::uint8_t buffer[65536];
      sockaddr_in from{};
      socklen_t length = sizeof(from);
      ssize_t n;
      while ((n = recvfrom(udp_, buffer, sizeof(buffer), 0, reinterpret_cast<sockaddr*>(&from), &length)) >= 0)
        handle({buffer, static_cast<std::size_t>(n)}, false, udp_, 0,
               base::IpEndpoint::from_sockaddr(reinterpret_cast<const sockaddr&>(from)));
    }
    if (fds[2].revents) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
      if (fd >= 0) {
        connections_[fd];
        serials_[fd] = next_serial_++;
        const std::lock_guard lock(mutex_);
        ++tcp_connections_;
      }
    }
    for (std::size_t i = 3; i < fds.size(); ++i)
      if (fds[i].revents && connections_.count(fds[i].fd)) read_tcp(fds[i].fd);
  }
}

void FakeUpstream::read_tcp(int fd) {
  std::uint8_t buffer[65536];
  const ssize_t n = recv(fd, buffer, sizeof(buffer), 0);
  if (n <= 0) {
    if (n < 0 && errno == EAGAIN) return;
    return drop_tcp(fd);
  }
  Bytes& in = connections_[fd].in;
  in.insert(in.end(), buffer, buffer + n);
  const std::uint64_t serial = serials_[fd];
  while (in.size() >= 2) {
    const std::size_t length = base::load_u16(in.data());
    if (in.size() < 2 + length) return;
    const Bytes frame(in.begin() + 2, in.begin() + 2 + static_cast<std::ptrdiff_t>(length));
    in.erase(in.begin(), in.begin() + 2 + static_cast<std::ptrdiff_t>(length));
    handle(frame, true, fd, serial, {});
    if (!connections_.count(fd)) return;  // closed by its reply
  }
}

void FakeUpstream::drop_tcp(int fd) {
  connections_.erase(fd);
  serials_.erase(fd);
  close(fd);
}

void FakeUpstream::handle(base::ByteView wire, bool over_tcp, int fd, std::uint64_t connection,
                          const base::IpEndpoint& from) {
  FakeQuery query = read_query(wire);
  query.over_tcp = over_tcp;
  query.source_port = from.port;
  FakeScript script;
  {
    const std::lock_guard lock(mutex_);
    query.number = queries_.size();
    queries_.push_back(query);
    script = script_;
  }
  changed_.notify_all();
  for (FakeReply& reply : script(query)) {
    Pending pending{fd, over_tcp, connection, from, std::move(reply)};
    if (pending.reply.delay.count() == 0)
      deliver(pending);
    else
      pending_.emplace(std::chrono::steady_clock::now() + pending.reply.delay, std::move(pending));
  }
  {
    const std::lock_guard lock(mutex_);
    ++replied_;
  }
  changed_.notify_all();
}

void FakeUpstream::deliver(const Pending& pending) {
  const Bytes& wire = pending.reply.wire;
  if (!pending.is_tcp) {
    sockaddr_storage to;
    const socklen_t length = pending.to.to_sockaddr(to);
    sendto(pending.fd, wire.data(), wire.size(), 0, reinterpret_cast<const sockaddr*>(&to), length);
    return;
  }
  const auto it = serials_.find(pending.fd);
  if (it == serials_.end() || it->second != pending.connection) return;
  Bytes frame(2);
  base::store_u16(frame.data(), static_cast<std::uint16_t>(wire.size()));
  frame.insert(frame.end(), wire.begin(), wire.end());
  if (frame.size() > pending.reply.frame_bytes_max) frame.resize(pending.reply.frame_bytes_max);
  for (std::size_t sent = 0; sent < frame.size();) {
    const ssize_t n = send(pending.fd, frame.data() + sent, frame.size() - sent, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN) break;
    if (n > 0) sent += static_cast<std::size_t>(n);
  }
  if (pending.reply.close_after) drop_tcp(pending.fd);
}

FakeReply answer_a(const FakeQuery& query, std::uint8_t last_octet) {
  return {make_response(query.wire, dns::Rcode::kNoError, {{"", dns::RrType::kA, 300, a_rdata(192, 0, 2, last_octet)}})};
}

FakeReply reply_rcode(const FakeQuery& query, dns::Rcode rcode) { return {make_response(query.wire, rcode, {})}; }

FakeReply after(std::chrono::milliseconds delay, FakeReply reply) {
  reply.delay = delay;
  return reply;
}

FakeReply truncated(const FakeQuery& query) {
  return {make_response(query.wire, dns::Rcode::kNoError, {}, {}, dns::kFlagTc)};
}

FakeScript always_answer(std::uint8_t last_octet) {
  return [last_octet](const FakeQuery& query) { return std::vector<FakeReply>{answer_a(query, last_octet)}; };
}

FakeScript never_answer() {
  return [](const FakeQuery&) { return std::vector<FakeReply>{}; };
}

FakeScript always_rcode(dns::Rcode rcode) {
  return [rcode](const FakeQuery& query) { return std::vector<FakeReply>{reply_rcode(query, rcode)}; };
}

std::uint16_t unused_port() {
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  bind_to(fd, 0);
  const std::uint16_t port = port_of(fd);
  close(fd);
  return port;
}

}  // namespace rampart::test
