// Lists: the first octet says in which pieces the rest arrives. The rules must be sound, the counts must add up,
// and the pieces must not matter.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "blocklists/list_parser.h"
#include "blocklists/regex_set.h"
#include "dns/name.h"
#include "tests/fuzz/require.h"

using namespace rampart;
using fuzz::require;

namespace {

class CheckedSink final : public blocklists::RuleSink {
 public:
  void add(const blocklists::Rule& rule) override {
    using blocklists::RuleKind;
    std::string seen = std::to_string(static_cast<int>(rule.kind)) + (rule.important ? "!" : "") +
                       (rule.action == blocklists::Action::kAllow ? "@" : "");
    require(rule.action != blocklists::Action::kDeny);
    switch (rule.kind) {
      case RuleKind::kExact:
      case RuleKind::kWildcard:
        // A name that a query could ask, as a query would spell it when folded.
        require(dns::Name::parse(rule.name).has_value());
        require(std::all_of(rule.name.begin(), rule.name.end(), [](char c) {
          return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
        }));
        require(rule.name.back() != '.');
        seen += rule.name;
        break;
      case RuleKind::kRegex: {
        std::string error;
        require(!rule.regex.empty() && blocklists::is_valid_regex(rule.regex, error));
        seen += rule.regex;
        break;
      }
      case RuleKind::kAddress:
        require(rule.range.prefix <= (rule.range.base.is_v4() ? 32 : 128));
        require(rule.range.contains(rule.range.base));
        seen += rule.range.to_string();
        break;
    }
    rules.push_back(std::move(seen));
  }
  std::vector<std::string> rules;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view text = base::as_text({data + 1, size - 1});
  const std::size_t step = data[0] + 1u;

  CheckedSink whole;
  const auto statistics = blocklists::parse_list(text, {.max_errors = -1}, whole);
  require(statistics.rule_count() == whole.rules.size());
  require(statistics.errors.size() == std::min<std::uint64_t>(statistics.error_count, 10));
  const auto line_ends = static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
  require(statistics.lines == line_ends + (text.empty() || text.back() == '\n' ? 0 : 1));
  require(statistics.blank_lines + statistics.skipped_count() + statistics.error_count <= statistics.lines);

  CheckedSink pieces;
  blocklists::ListParser parser({.max_errors = -1}, pieces);
  for (std::size_t i = 0; i < text.size(); i += step) require(parser.feed(text.substr(i, step)));
  require(parser.finish());
  require(pieces.rules == whole.rules);
  require(parser.statistics().error_count == statistics.error_count);
  return 0;
}
