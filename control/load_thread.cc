#include "control/load_thread.h"

#include <utility>

#include "base/background_thread.h"

namespace rampart::control {

LoadThread::LoadThread(Work work) : work_(std::move(work)), thread_([this] { run(); }) {}

LoadThread::~LoadThread() { stop(); }

void LoadThread::ask(bool& kind) {
  {
    const std::lock_guard lock(mutex_);
    kind = true;
  }
  asked_.notify_one();
}

void LoadThread::ask_reload() { ask(reload_asked_); }
void LoadThread::ask_refresh() { ask(refresh_asked_); }

void LoadThread::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  asked_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void LoadThread::run() {
  base::name_thread("lists");
  std::unique_lock lock(mutex_);
  while (true) {
    asked_.wait(lock, [this] { return stopping_ || reload_asked_ || refresh_asked_; });
    if (stopping_) return;
    const bool is_reload = std::exchange(reload_asked_, false);
    if (!is_reload) refresh_asked_ = false;
    lock.unlock();
    is_reload ? work_.reload() : work_.refresh();
    lock.lock();
  }
}

}  // namespace rampart::control
