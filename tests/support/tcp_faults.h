// Broken counterparts on loopback: a server that accepts and never answers, and a proxy whose link can be cut
// without a word (packets vanish, no RST) or at a chosen moment of the conversation.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace rampart::test_support {

/// The kernel completes the handshakes; nobody ever reads.
class SilentServer {
 public:
  SilentServer();
  ~SilentServer();
  SilentServer(const SilentServer&) = delete;
  SilentServer& operator=(const SilentServer&) = delete;
  [[nodiscard]] int port() const noexcept { return port_; }

 private:
  int fd_ = -1;
  int port_ = 0;
};

class TcpProxy {
 public:
  explicit TcpProxy(int server_port);
  ~TcpProxy();
  TcpProxy(const TcpProxy&) = delete;
  TcpProxy& operator=(const TcpProxy&) = delete;
  [[nodiscard]] int port() const noexcept { return port_; }
  /// True: nothing passes either way, connections stay open; new ones are accepted and silent.
  void set_black_hole(bool on) noexcept { black_hole_ = on; }
  /// When the client next sends these octets, they reach the server, but its answer does not come back: the
  /// connection is reset instead. Works once.
  void reset_after(std::string words);
  [[nodiscard]] bool has_reset() const;

 private:
  void run();
  void relay(int client);

  const int server_port_;
  int fd_ = -1;
  int port_ = 0;
  std::atomic<bool> black_hole_{false};
  std::atomic<bool> stopping_{false};
  mutable std::mutex mutex_;  // guards the two below
  std::string reset_words_;
  bool has_reset_ = false;
  std::thread thread_;
  std::vector<std::thread> relays_;
};

}  // namespace rampart::test_support
