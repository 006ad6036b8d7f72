// Reloads and list refreshes, one at a time on a thread of its own: a list host that hangs must not keep the
// control thread from ending a timed disable, switching a schedule or reading the next signal.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace rampart::control {

class LoadThread {
 public:
  struct Work {
    std::function<void()> reload;
    std::function<void()> refresh;
  };
  explicit LoadThread(Work work);
  ~LoadThread();
  LoadThread(const LoadThread&) = delete;
  LoadThread& operator=(const LoadThread&) = delete;

  // Return at once. Whoever asks while one of the same kind is running gets one more after it, however often they
  // ask: what is running may have read its files before they changed. Reloads come first.
  void ask_reload();
  void ask_refresh();

  /// Begins nothing more, and waits for what is running: make it end soon before.
  void stop();

 private:
  void ask(bool& kind);
  void run();

  const Work work_;
  std::mutex mutex_;  // guards the next three; not held while work is done
  bool reload_asked_ = false;
  bool refresh_asked_ = false;
  bool stopping_ = false;
  std::condition_variable asked_;
  std::thread thread_;
};

}  // namespace rampart::control
