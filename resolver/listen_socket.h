// Opening the sockets that clients talk to. Every worker has its own socket for each address (SO_REUSEPORT), so
// the kernel spreads the load and no worker waits for another.
#pragma once

#include <string>

#include "base/ip_address.h"
#include "base/result.h"

namespace rampart::resolver {

/// A file descriptor that closes itself.
class OwnedFd {
 public:
  OwnedFd() = default;
  explicit OwnedFd(int fd) noexcept : fd_(fd) {}
  OwnedFd(OwnedFd&& other) noexcept : fd_(other.release()) {}
  OwnedFd& operator=(OwnedFd&& other) noexcept;
  ~OwnedFd();
  [[nodiscard]] int get() const noexcept { return fd_; }
  int release() noexcept {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }

 private:
  int fd_ = -1;
};

struct ListenOptions {
  base::IpEndpoint address;
  bool any_family = false;  ///< no host was given: one dual-stack socket, or IPv4 where there is no IPv6
  bool free_bind = false;   ///< an address that this host does not have (yet): for virtual IPs
  bool reuse_port = true;   ///< false: fail if anybody, also a process of the same user, has the port
};

/// Errors name the address and say what to do about the usual ones (in use, not permitted, not local).
[[nodiscard]] base::Result<OwnedFd, std::string> open_udp(const ListenOptions& options);
/// Listening, non-blocking.
[[nodiscard]] base::Result<OwnedFd, std::string> open_tcp(const ListenOptions& options);

/// The address that a socket is really bound to (port 0 becomes the port that the kernel chose).
[[nodiscard]] base::IpEndpoint local_endpoint(int fd) noexcept;

}  // namespace rampart::resolver
