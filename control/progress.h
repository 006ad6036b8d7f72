// One line on a terminal that says what is being done; nothing at all when the output is no terminal.
#pragma once

#include <cstddef>
#include <mutex>
#include <string>

namespace rampart::control {

/// Safe from several threads.
class Progress {
 public:
  /// Shows on `fd` (2: stderr) if that is a terminal.
  explicit Progress(int fd);
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void show(const std::string& what);
  /// Wipes the line, so that results start at the margin.
  void clear();

 private:
  const int fd_;
  const bool is_terminal_;
  std::mutex mutex_;
  bool is_shown_ = false;
};

}  // namespace rampart::control
