#include "resolver/listen_socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace rampart::resolver {
namespace {

// A burst of this much waits in the kernel while a worker is busy with a batch, or while clients on this host are
// slow to read (on loopback a datagram counts against the sender until it is read); beyond it datagrams are lost.
constexpr int kUdpBufferBytes = 4 << 20;
constexpr int kTcpBacklog = 512;

std::string explain(const ListenOptions& options, const char* transport, const char* what) {
  const int error = errno;
  std::string text = std::string("cannot listen on ") + transport + " " + options.address.to_string() + ": " + what +
                     ": " + std::strerror(error);
  if (error == EADDRINUSE) text += " (another program holds the port: `ss -lunpt` shows which)";
  if (error == EACCES) text += " (ports below 1024 need CAP_NET_BIND_SERVICE)";
  if (error == EADDRNOTAVAIL) text += " (no interface has this address; `ports.freeBind: true` binds it anyway)";
  return text;
}

bool set_flag(int fd, int level, int name) noexcept {
  const int on = 1;
  return setsockopt(fd, level, name, &on, sizeof(on)) == 0;
}

base::Result<OwnedFd, std::string> open_bound(const ListenOptions& options, int type, const char* transport) {
  bool v6 = options.any_family || !options.address.address.is_v4();
  OwnedFd fd(socket(v6 ? AF_INET6 : AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (fd.get() < 0 && options.any_family) {  // a kernel without IPv6
    v6 = false;
    fd = OwnedFd(socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  }
  if (fd.get() < 0) return base::Error{explain(options, transport, "socket")};
  // For TCP: not to wait for connections of a former process. For UDP it would let two programs share a port.
  if (type == SOCK_STREAM) set_flag(fd.get(), SOL_SOCKET, SO_REUSEADDR);
  if (options.reuse_port && !set_flag(fd.get(), SOL_SOCKET, SO_REUSEPORT))
    return base::Error{explain(options, transport, "SO_REUSEPORT")};
  if (v6) {
    const int v6_only = options.any_family ? 0 : 1;
    setsockopt(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof(v6_only));
  }
  if (options.free_bind && !set_flag(fd.get(), v6 ? IPPROTO_IPV6 : IPPROTO_IP, v6 ? IPV6_FREEBIND : IP_FREEBIND))
    return base::Error{explain(options, transport, "freeBind")};
  sockaddr_storage address;
  base::IpEndpoint wanted = options.address;
  if (options.any_family) wanted.address = v6 ? base::IpAddress() : base::IpAddress::v4(0u);
  const socklen_t length = wanted.to_sockaddr(address);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), length) != 0)
    return base::Error{explain(options, transport, "bind")};
  return fd;
}

}  // namespace

OwnedFd& OwnedFd::operator=(OwnedFd&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) close(fd_);
    fd_ = other.release();
  }
  return *this;
}

OwnedFd::~OwnedFd() {
  if (fd_ >= 0) close(fd_);
}

base::Result<OwnedFd, std::string> open_udp(const ListenOptions& options) {
  auto fd = open_bound(options, SOCK_DGRAM, "udp");
  if (!fd.ok()) return fd;
  const int bytes = kUdpBufferBytes;
  // FORCE works only with CAP_NET_ADMIN; without it the system's rmem_max and wmem_max bound the size.
  if (setsockopt(fd->get(), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) != 0)
    setsockopt(fd->get(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
  if (setsockopt(fd->get(), SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) != 0)
    setsockopt(fd->get(), SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
  // Answers must come from the address that was asked; a socket bound to one address does that by itself.
  if (options.any_family || options.address.address.is_unspecified()) {
    const bool v6 = options.any_family || !options.address.address.is_v4();
    // One kind only: the kernel refuses to send with both, and the IPv6 kind carries mapped IPv4 addresses too.
    if (v6) set_flag(fd->get(), IPPROTO_IPV6, IPV6_RECVPKTINFO);
    else set_flag(fd->get(), IPPROTO_IP, IP_PKTINFO);
  }
  // No path MTU tricks from forged ICMP: we never send more than 1232 octets, and never fragments (RFC 8900).
  const int discover = IP_PMTUDISC_OMIT;
  setsockopt(fd->get(), IPPROTO_IP, IP_MTU_DISCOVER, &discover, sizeof(discover));
  return fd;
}

base::Result<OwnedFd, std::string> open_tcp(const ListenOptions& options) {
  auto fd = open_bound(options, SOCK_STREAM, "tcp");
  if (!fd.ok()) return fd;
  if (listen(fd->get(), kTcpBacklog) != 0) return base::Error{explain(options, "tcp", "listen")};
  return fd;
}

base::IpEndpoint local_endpoint(int fd) noexcept {
  sockaddr_storage address{};
  socklen_t length = sizeof(address);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) != 0) return {};
  return base::IpEndpoint::from_sockaddr(reinterpret_cast<const sockaddr&>(address));
}

}  // namespace rampart::resolver
