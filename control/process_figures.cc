#include "control/process_figures.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace rampart::control {
namespace {

double boot_unix_s() {
  std::ifstream stat("/proc/stat");
  std::string word;
  double value = 0;
  while (stat >> word) {
    if (word == "btime" && stat >> value) return value;
  }
  return 0;
}

}  // namespace

std::optional<ProcessFigures> read_process_figures() {
  std::ifstream file("/proc/self/stat");
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  // The second field is the program's name in parentheses, which may itself hold spaces and parentheses.
  const std::size_t behind_name = line.rfind(')');
  if (behind_name == std::string::npos) return std::nullopt;
  std::istringstream fields(line.substr(behind_name + 1));
  ProcessFigures out;
  std::string skip;
  constexpr int kUserTime = 14, kSystemTime = 15, kStartTime = 22, kVirtualBytes = 23, kResidentPages = 24;
  const auto ticks = static_cast<double>(sysconf(_SC_CLK_TCK));
  for (int field = 3; field <= kResidentPages; ++field) {
    if (field == kUserTime || field == kSystemTime) {
      double value = 0;
      fields >> value;
      out.cpu_seconds += value / ticks;
    } else if (field == kStartTime) {
      double value = 0;
      fields >> value;
      out.start_unix_s = boot_unix_s() + value / ticks;
    } else if (field == kVirtualBytes) {
      fields >> out.virtual_bytes;
    } else if (field == kResidentPages) {
      fields >> out.resident_bytes;
      out.resident_bytes *= static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
    } else {
      fields >> skip;
    }
  }
  std::error_code error;
  for (std::filesystem::directory_iterator fd("/proc/self/fd", error), end; !error && fd != end; fd.increment(error)) {
    ++out.open_fds;
  }
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) out.max_fds = limit.rlim_cur;
  return out;
}

}  // namespace rampart::control
