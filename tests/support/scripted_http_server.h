// An HTTP server that says what the test tells it to, byte by byte, good or bad. One thread; a connection is one
// exchange. Requests are kept for the test to look at.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace rampart::test_support {

class ScriptedHttpServer {
 public:
  struct Reply {
    std::string bytes;
    bool hangs = false;  ///< leave the connection open until the client gives up
  };
  using Handler = std::function<Reply(const std::string& request)>;

  explicit ScriptedHttpServer(Handler handler) : handler_(std::move(handler)) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    bind(listener_, reinterpret_cast<sockaddr*>(&address), length);
    listen(listener_, 16);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~ScriptedHttpServer() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }
  ScriptedHttpServer(const ScriptedHttpServer&) = delete;
  ScriptedHttpServer& operator=(const ScriptedHttpServer&) = delete;

  [[nodiscard]] std::string url(const std::string& path) const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }
  [[nodiscard]] std::vector<std::string> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

  static std::string ok(const std::string& body, const std::string& headers = {}) {
    return "HTTP/1.1 200 OK\r\nConnection: close\r\n" + headers + "Content-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body;
  }
  static std::string status(const std::string& line, const std::string& headers = {}) {
    return "HTTP/1.1 " + line + "\r\nConnection: close\r\n" + headers + "Content-Length: 0\r\n\r\n";
  }

 private:
  void serve() {
    for (int fd; (fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC)) >= 0; close(fd)) {
      std::string request;
      char chunk[4096];
      for (ssize_t n; request.find("\r\n\r\n") == std::string::npos && (n = recv(fd, chunk, sizeof(chunk), 0)) > 0;)
        request.append(chunk, static_cast<std::size_t>(n));
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request);
      }
      const Reply reply = handler_(request);
      std::size_t sent = 0;
      for (ssize_t n; sent < reply.bytes.size() && (n = send(fd, reply.bytes.data() + sent, reply.bytes.size() - sent,
                                                             MSG_NOSIGNAL)) > 0;)
        sent += static_cast<std::size_t>(n);
      while (reply.hangs && recv(fd, chunk, sizeof(chunk), 0) > 0) {
      }
    }
  }

  Handler handler_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  std::thread thread_;
};

}  // namespace rampart::test_support
