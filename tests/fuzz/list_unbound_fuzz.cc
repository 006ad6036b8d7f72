// Lines of unbound configuration; the first octet chooses what every line is the name in, or the whole value of.
#include "tests/fuzz/list_checks.h"

using namespace rampart;
using blocklists::RuleKind;
using fuzz::require;

namespace {

std::string render(const fuzz::KeptRule& rule) {
  if (rule.kind == RuleKind::kExact) return "local-data: \"" + rule.text + " A 0.0.0.0\"";
  return "local-zone: \"" + rule.text + "\" " + (rule.allows ? "always_transparent" : "always_nxdomain");
}

struct Frame {
  const char* before;
  const char* behind;
  bool may_deny;
  bool may_allow;
};

constexpr Frame kFrames[] = {
    {"local-zone: \"", "\" always_nxdomain", true, false},
    {"local-zone: \"", "\" always_transparent", false, true},
    {"local-zone: \"", "\" typetransparent", false, false},
    {"local-zone: ", "", true, true},
    {"local-data: ", "", true, false},
    {"local-data: \"", " A 0.0.0.0\"", true, false},
    {"local-data: \"", " 300 IN A 192.0.2.1\"", false, false},
    {"include: ", "", false, false},
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const Frame& frame = kFrames[data[0] % std::size(kFrames)];
  std::string text;
  for (const std::string_view line : fuzz::lines_of(base::as_text({data + 1, size - 1}))) {
    // Quotes, blanks and comments could end the frame: only a frame without an end takes them.
    const bool is_open = *frame.behind == '\0';
    if (is_open || line.find_first_of("\"'#; \t\r\v\f") == std::string_view::npos)
      text.append(frame.before).append(line).append(frame.behind).append("\n");
  }
  const auto reading = fuzz::check_lines(text, render);
  for (const auto& rule : reading.rules) {
    require(rule.allows ? frame.may_allow : frame.may_deny);
    require(!rule.important && rule.types.empty() && rule.kind != RuleKind::kRegex);
  }
  return 0;
}
