// Hosts files: the first octet says in which pieces the rest arrives, and the pieces must not matter.
#include <cstdlib>
#include <string>

#include "base/bytes.h"
#include "dns/hosts_text.h"

using namespace rampart;

namespace {

struct Reading {
  std::string lines;
  std::uint64_t errors = 0;
  bool done = false;
  friend bool operator==(const Reading&, const Reading&) = default;
};

Reading read(std::string_view text, std::size_t step) {
  Reading reading;
  dns::HostsTextReader reader(100, [&](const dns::HostsLine& line) {
    reading.lines += line.address.to_string() + " " + dns::to_text(line.name.view());
    for (const auto& alias : line.aliases) reading.lines += " " + dns::to_text(alias.view());
    return true;
  });
  bool going = true;
  for (std::size_t i = 0; going && i < text.size(); i += step) going = reader.feed(text.substr(i, step));
  reading.done = going && reader.finish();
  reading.errors = reader.error_count();
  if (reading.done == reader.is_over_budget() || (reading.errors != 0) == reader.first_error().empty()) std::abort();
  return reading;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view text = base::as_text({data + 1, size - 1});
  if (!(read(text, data[0] + 1u) == read(text, text.size() + 1))) std::abort();
  return 0;
}
