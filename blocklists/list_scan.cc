#include "blocklists/list_scan.h"

#include <algorithm>

namespace rampart::blocklists {
namespace {

class LineSink final : public RuleSink {
 public:
  explicit LineSink(const std::function<void(const Rule&, std::uint64_t)>& on_rule) : on_rule_(on_rule) {}
  void follow(const ListParser& parser) { parser_ = &parser; }
  // The parser counts a line before it reads its rules.
  void add(const Rule& rule) override { on_rule_(rule, parser_->statistics().lines); }

 private:
  const std::function<void(const Rule&, std::uint64_t)>& on_rule_;
  const ListParser* parser_ = nullptr;
};

}  // namespace

base::Result<ListScan, std::string> scan_list(const ReadText& read, const ListParserOptions& options,
                                              const std::function<void(const Rule&, std::uint64_t)>& on_rule) {
  LineSink sink(on_rule);
  ListParser parser(options, sink);
  sink.follow(parser);
  const auto bytes = read([&parser](std::string_view text) { return parser.feed(text); });
  if (!bytes.ok()) return base::Error{bytes.error()};
  ListScan scan;
  scan.is_over_budget = !parser.finish();
  scan.statistics = parser.statistics();
  scan.bytes = *bytes;
  return scan;
}

base::Result<std::string, std::string> line_text(const ReadText& read, std::uint64_t line) {
  std::string text;
  std::uint64_t at = 1;
  const auto done = read([&](std::string_view piece) {
    while (!piece.empty() && at <= line) {
      const std::size_t end = piece.find('\n');
      if (at == line && text.size() <= kShownLineMax) text += piece.substr(0, std::min(end, kShownLineMax));
      if (end == std::string_view::npos) break;
      ++at;
      piece.remove_prefix(end + 1);
    }
    return at <= line;
  });
  if (!done.ok()) return base::Error{done.error()};
  return shown(text, kShownLineMax);
}

}  // namespace rampart::blocklists
