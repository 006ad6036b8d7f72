// A client of HTTP that sends what no decent one does: it knows TCP only.
#pragma once

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <utility>

namespace rampart::test {

/// A plain TCP client that waits with deadlines.
class RawHttpClient {
 public:
  explicit RawHttpClient(std::uint16_t port) : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof(to)) == 0;
  }
  RawHttpClient(RawHttpClient&& other) noexcept : fd_(std::exchange(other.fd_, -1)), connected_(other.connected_) {}
  RawHttpClient(const RawHttpClient&) = delete;
  ~RawHttpClient() {
    if (fd_ >= 0) close(fd_);
  }
  [[nodiscard]] bool connected() const { return connected_; }
  bool send(const std::string& text) const {
    return ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
  }
  /// Everything until the server closes, or until `until` was seen, or 5 seconds without a word.
  std::string receive(const std::string& until = {}) const {
    std::string out;
    for (;;) {
      if (!until.empty() && out.find(until) != std::string::npos) return out;
      pollfd p{fd_, POLLIN, 0};
      if (poll(&p, 1, 5000) != 1) return out + "<timeout>";
      char buffer[4096];
      const ssize_t n = recv(fd_, buffer, sizeof(buffer), 0);
      if (n <= 0) return out;
      out.append(buffer, static_cast<std::size_t>(n));
    }
  }
  /// True if the server closes within `patience`.
  [[nodiscard]] bool closed_within(std::chrono::milliseconds patience) const {
    pollfd p{fd_, POLLIN, 0};
    char c;
    return poll(&p, 1, static_cast<int>(patience.count())) == 1 && recv(fd_, &c, 1, 0) <= 0;
  }

 private:
  int fd_;
  bool connected_ = false;
};

}  // namespace rampart::test
