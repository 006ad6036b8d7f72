// Stands in for stdout: an anonymous file whose lines can be counted.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <string>

namespace rampart::test_support {

class CapturedOutput {
 public:
  CapturedOutput() : fd_(memfd_create("stdout", MFD_CLOEXEC)) { fcntl(fd_, F_SETFL, O_APPEND); }
  ~CapturedOutput() { close(fd_); }
  CapturedOutput(const CapturedOutput&) = delete;
  CapturedOutput& operator=(const CapturedOutput&) = delete;
  [[nodiscard]] int fd() const { return fd_; }
  [[nodiscard]] std::string text() const {
    struct stat info {};
    fstat(fd_, &info);
    std::string out(static_cast<std::size_t>(info.st_size), '\0');
    out.resize(static_cast<std::size_t>(std::max<ssize_t>(0, pread(fd_, out.data(), out.size(), 0))));
    return out;
  }
  [[nodiscard]] std::size_t lines() const {
    const std::string all = text();
    return static_cast<std::size_t>(std::count(all.begin(), all.end(), '\n'));
  }

 private:
  int fd_;
};

}  // namespace rampart::test_support
