// Sockets on 127.0.0.1, or another loopback address, for test servers.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>

namespace rampart::test_support {

inline sockaddr_in loopback(std::uint16_t port, std::uint32_t host = INADDR_LOOPBACK) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(host);
  address.sin_port = htons(port);
  return address;
}

/// Port 0: one that is free.
inline bool bind_to(int fd, std::uint16_t port, std::uint32_t host = INADDR_LOOPBACK) {
  const sockaddr_in address = loopback(port, host);
  return ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

inline std::uint16_t port_of(int fd) {
  sockaddr_in address{};
  socklen_t length = sizeof(address);
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
  return ntohs(address.sin_port);
}

/// A TCP port that was free a moment ago, for programs that are told theirs.
inline std::uint16_t free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  bind_to(fd, 0);
  const std::uint16_t port = port_of(fd);
  close(fd);
  return port;
}

}  // namespace rampart::test_support
