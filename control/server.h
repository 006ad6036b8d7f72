// The whole server, wired in one place: configuration in, running workers out. It owns everything that lives as
// long as the process; main.cc creates one and run() does the rest.
#pragma once

#include <memory>
#include <string>

#include "base/result.h"

namespace rampart::control {

class Server {
 public:
  /// `config_path`: file or folder, read again at each reload.
  explicit Server(std::string config_path);
  ~Server();

  /// Loads, builds, opens sockets, starts workers. On error nothing runs and nothing listens.
  [[nodiscard]] base::Status start();

  /// Handles signals until SIGTERM or SIGINT, then drains: stops accepting, finishes what is in flight (at most
  /// 5 s), flushes the log. SIGHUP reloads, SIGUSR1 prints the state.
  void run();

  /// Builds the new state beside the old one and swaps it in whole. On any fault the old one stays.
  [[nodiscard]] base::Status reload();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rampart::control
