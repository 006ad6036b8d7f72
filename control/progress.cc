#include "control/progress.h"

#include <unistd.h>

#include <string_view>

namespace rampart::control {
namespace {

// What a terminal of 80 columns shows in one line.
constexpr std::size_t kShownMax = 78;

void put(int fd, std::string_view text) {
  if (::write(fd, text.data(), text.size()) < 0) return;  // decoration: its loss harms nobody
}

}  // namespace

Progress::Progress(int fd) : fd_(fd), is_terminal_(::isatty(fd) != 0) {}

void Progress::show(const std::string& what) {
  if (!is_terminal_) return;
  const std::lock_guard lock(mutex_);
  std::string line = what.substr(0, kShownMax);
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  put(fd_, "\r\x1b[K" + line);
  is_shown_ = true;
}

void Progress::clear() {
  const std::lock_guard lock(mutex_);
  if (is_shown_) put(fd_, "\r\x1b[K");
  is_shown_ = false;
}

}  // namespace rampart::control
