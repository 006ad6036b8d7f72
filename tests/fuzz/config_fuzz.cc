// Any text as a configuration: it is accepted or refused with words, but never costs more than its bounds.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "control/config_loader.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  // A resolvFile or secret may name any file of the machine that fuzzes, /dev/stdin among them.
  if (text.find("/dev") != std::string_view::npos || text.find("/proc") != std::string_view::npos) return 0;
  const auto result = rampart::control::load_text(text, "f.yml");
  if (!result.ok() && result.error().empty()) std::abort();
  if (!result.ok()) {
    for (const auto& fault : result.error()) {
      if (fault.message.empty()) std::abort();
    }
  }
  return 0;
}
