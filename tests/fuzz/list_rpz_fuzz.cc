// Response policy zones; the first octet chooses the record that every line is the owner of, or lines as they are.
#include "tests/fuzz/list_checks.h"

using namespace rampart;
using blocklists::RuleKind;
using fuzz::require;

namespace {

std::string render(const fuzz::KeptRule& rule) {
  if (!rule.is_name() || rule.important || !rule.types.empty()) return {};
  const std::string owner = (rule.kind == RuleKind::kWildcard ? "*." : "") + rule.text;
  return owner + (rule.allows ? " CNAME rpz-passthru." : " CNAME .");
}

struct Frame {
  const char* behind;
  bool may_deny;
  bool may_allow;
};

constexpr Frame kFrames[] = {
    {" CNAME .", true, false},
    {" 60 IN CNAME *.", true, false},
    {" CNAME rpz-drop.", true, false},
    {" A 0.0.0.0", true, false},
    {" IN CNAME rpz-passthru.", false, true},
    {" CNAME rpz-tcp-only.", false, false},
    {" A 192.0.2.1", false, false},
    {" CNAME garden.example.", false, false},
    {" TXT .", false, false},
    {" NS .", false, false},
};

bool is_owner(std::string_view line) {
  // Not the first word of some other form of line, nor the address of a hosts file, nor a byte order mark, which
  // means something in the first line only.
  constexpr std::string_view kNotInOne = " \t\r\v\f#;\"()$@|/^![=:%";
  return !line.empty() && !line.starts_with("\xEF\xBB\xBF") &&
         line.find_first_of(kNotInOne) == std::string_view::npos && !base::IpAddress::parse(line);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view input = base::as_text({data + 1, size - 1});
  const std::size_t choice = data[0] % (std::size(kFrames) + 1);
  if (choice == std::size(kFrames)) {
    // A whole zone: lines depend on $ORIGIN and on the SOA record. Records of the zone's own are never rules.
    const auto reading = fuzz::read(input);
    fuzz::require_stable(reading, [](const fuzz::KeptRule& rule) {
      for (const char* type : {"rpz-ip", "rpz-client-ip", "rpz-nsip", "rpz-nsdname"})
        if (rule.text == type || rule.text.ends_with(std::string(".") + type)) return std::string();
      // A name that looks like a type, a TTL or an address stands for one in its first column.
      return fuzz::read(rule.text + ".x CNAME .").rules.size() == 1 && rule.text.find('.') != std::string::npos &&
                     !base::IpAddress::parse(rule.text)
                 ? render(rule)
                 : std::string();
    });
    require(fuzz::read("$ORIGIN rpz.example.\n@ SOA a. b. (1\n2 3 4 5)\n@ NS ns.example.\n").rules.empty());
    return 0;
  }
  const Frame& frame = kFrames[choice];
  std::string text;
  for (const std::string_view line : fuzz::lines_of(input))
    if (is_owner(line)) text.append(line).append(frame.behind).append("\n");
  const auto reading = fuzz::read(text);
  for (const auto& rule : reading.rules) {
    require(rule.is_name() && !rule.important && rule.types.empty());
    require(rule.allows ? frame.may_allow : frame.may_deny);
    // The triggers that are not the query name are no names to block.
    for (const char* type : {"rpz-ip", "rpz-client-ip", "rpz-nsip", "rpz-nsdname"})
      require(rule.text != type && !rule.text.ends_with(std::string(".") + type));
  }
  for (const std::string_view line : fuzz::lines_of(text)) fuzz::require_harmless(fuzz::read(line));
  fuzz::require_decisive(reading.rules);
  // Below an origin, absolute names are the same rules as relative ones.
  std::string absolute = "$ORIGIN rpz.example.\n";
  std::string relative;
  for (const std::string_view line : fuzz::lines_of(input)) {
    // With the origin behind it a long one would be too long.
    if (!is_owner(line) || line.ends_with('.') || line.size() > 200) continue;
    if (fuzz::read(std::string(line) + frame.behind).rules.size() != 1) continue;
    relative.append(line).append(frame.behind).append("\n");
    absolute.append(line).append(".rpz.example.").append(frame.behind).append("\n");
  }
  require(fuzz::read(absolute).rules == fuzz::read(relative).rules);
  return 0;
}
