#include "tests/support/tcp_faults.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <tuple>
#include <utility>

namespace rampart::test_support {
namespace {

std::pair<int, int> listen_on_loopback() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  bind(fd, reinterpret_cast<sockaddr*>(&address), size);
  listen(fd, 64);
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return {fd, ntohs(address.sin_port)};
}

bool send_all(int fd, const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t n = send(fd, data, size, MSG_NOSIGNAL);
    if (n <= 0) return false;
    data += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

}  // namespace

SilentServer::SilentServer() { std::tie(fd_, port_) = listen_on_loopback(); }
SilentServer::~SilentServer() { close(fd_); }

TcpProxy::TcpProxy(int server_port) : server_port_(server_port) {
  std::tie(fd_, port_) = listen_on_loopback();
  thread_ = std::thread([this] { run(); });
}

TcpProxy::~TcpProxy() {
  stopping_ = true;
  thread_.join();
  for (auto& relay : relays_) relay.join();
  close(fd_);
}

void TcpProxy::reset_after(std::string words) {
  const std::lock_guard lock(mutex_);
  reset_words_ = std::move(words);
  has_reset_ = false;
}

bool TcpProxy::has_reset() const {
  const std::lock_guard lock(mutex_);
  return has_reset_;
}

void TcpProxy::run() {
  while (!stopping_) {
    pollfd ready{fd_, POLLIN, 0};
    if (poll(&ready, 1, 20) <= 0) continue;
    const int client = accept4(fd_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client >= 0) relays_.emplace_back([this, client] { relay(client); });
  }
}

void TcpProxy::relay(int client) {
  const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(server_port_));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  bool open = false;
  bool resetting = false;
  char buffer[16384];
  while (!stopping_) {
    if (black_hole_) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
      continue;
    }
    if (!open) {
      if (connect(server, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) break;
      open = true;
    }
    pollfd ready[2] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
    if (poll(ready, 2, 20) <= 0) continue;
    if (black_hole_) continue;
    if (ready[1].revents != 0) {
      const ssize_t n = recv(server, buffer, sizeof buffer, 0);
      if (n <= 0) break;
      if (resetting) {  // the server has answered, which is proof that it has acted
        const linger at_once{1, 0};
        setsockopt(client, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
        const std::lock_guard lock(mutex_);
        has_reset_ = true;
        break;
      }
      if (!send_all(client, buffer, static_cast<std::size_t>(n))) break;
    }
    if (ready[0].revents != 0) {
      const ssize_t n = recv(client, buffer, sizeof buffer, 0);
      if (n <= 0) break;
      {
        const std::lock_guard lock(mutex_);
        if (!reset_words_.empty() && std::string(buffer, static_cast<std::size_t>(n)).find(reset_words_) != std::string::npos) {
          resetting = true;
          reset_words_.clear();
        }
      }
      if (!send_all(server, buffer, static_cast<std::size_t>(n))) break;
    }
  }
  close(client);
  close(server);
}

}  // namespace rampart::test_support
