#include "control/load_thread.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <string>

namespace rampart::control {
namespace {

using namespace std::chrono_literals;

/// What was done in which order; each piece of work waits until it is let go.
class Journal {
 public:
  void work(char kind) {
    std::unique_lock lock(mutex_);
    begun_ += kind;
    changed_.notify_all();
    EXPECT_TRUE(changed_.wait_for(lock, 10s, [&] { return allowed_ >= begun_.size(); }));
    ++ended_;
    changed_.notify_all();
  }
  void allow(std::size_t count) {
    const std::lock_guard lock(mutex_);
    allowed_ = count;
    changed_.notify_all();
  }
  [[nodiscard]] bool begins(std::size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 10s, [&] { return begun_.size() >= count; });
  }
  [[nodiscard]] bool ends(std::size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 10s, [&] { return ended_ >= count; });
  }
  [[nodiscard]] std::string begun() {
    const std::lock_guard lock(mutex_);
    return begun_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string begun_;
  std::size_t allowed_ = 0, ended_ = 0;
};

LoadThread::Work work_in(Journal& journal) {
  return {[&] { journal.work('L'); }, [&] { journal.work('f'); }};
}

TEST(LoadThread, WhatIsAskedWhileOneRunsComesOnceMoreAndReloadsComeFirst) {
  Journal journal;
  LoadThread thread(work_in(journal));
  thread.ask_reload();
  ASSERT_TRUE(journal.begins(1));
  thread.ask_refresh();
  for (int i = 0; i < 3; ++i) thread.ask_reload();
  journal.allow(3);
  EXPECT_TRUE(journal.ends(3));
  EXPECT_EQ(journal.begun(), "LLf");
}

TEST(LoadThread, StoppingWaitsForWhatRunsAndBeginsNothingMore) {
  Journal journal;
  LoadThread thread(work_in(journal));
  thread.ask_refresh();
  ASSERT_TRUE(journal.begins(1));
  thread.ask_reload();
  auto stopped = std::async(std::launch::async, [&] { thread.stop(); });
  EXPECT_EQ(stopped.wait_for(50ms), std::future_status::timeout);
  journal.allow(2);
  stopped.get();
  EXPECT_EQ(journal.begun(), "f");
}

}  // namespace
}  // namespace rampart::control
