#include "blocklists/list_parser.h"

#include <algorithm>

namespace rampart::blocklists {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

std::string shown(std::string_view line, std::size_t length_max) {
  while (!line.empty() && (line.back() == '\r' || line.back() == '\n')) line.remove_suffix(1);
  std::string text(line.substr(0, length_max));
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  // A multi-octet character that was cut in two would not be UTF-8 any more.
  if (line.size() > length_max) {
    while (!text.empty() && (text.back() & 0xc0) == 0x80) text.pop_back();
    if (!text.empty() && (text.back() & 0x80) != 0) text.pop_back();
    text += "...";
  }
  return text;
}

ListParser::ListParser(const ListParserOptions& options, RuleSink& sink) : options_(options), grammar_(sink) {}

bool ListParser::feed(std::string_view chunk) {
  while (!chunk.empty() && !over_budget_) {
    const std::size_t end = chunk.find('\n');
    const bool ends = end != std::string_view::npos;
    const std::string_view piece = chunk.substr(0, end);
    chunk.remove_prefix(ends ? end + 1 : chunk.size());
    if (in_long_line_) {
      in_long_line_ = !ends;
    } else if (partial_.size() + piece.size() > kLineBytesMax) {
      ++statistics_.lines;
      in_long_line_ = !ends;
      fail("longer than 64 KiB", partial_.empty() ? piece : std::string_view(partial_));
      partial_.clear();
    } else if (!ends) {
      partial_ += piece;
    } else if (partial_.empty()) {
      take_line(piece);
    } else {
      partial_ += piece;
      take_line(partial_);
      partial_.clear();
    }
  }
  return !over_budget_;
}

bool ListParser::finish() {
  if (!over_budget_ && !partial_.empty()) take_line(partial_);
  partial_.clear();
  return !over_budget_;
}

void ListParser::take_line(std::string_view line) {
  if (++statistics_.lines == 1 && line.substr(0, kByteOrderMark.size()) == kByteOrderMark) {
    line.remove_prefix(kByteOrderMark.size());
  }
  const LineOutcome outcome = grammar_.read(line);
  switch (outcome.kind) {
    case LineOutcome::Kind::kRules:
      if (outcome.revives_rewrite) --statistics_.skipped[static_cast<std::size_t>(SkipCause::kRewrite)];
      break;
    case LineOutcome::Kind::kBlank:
      ++statistics_.blank_lines;
      break;
    case LineOutcome::Kind::kSkipped:
      ++statistics_.skipped[static_cast<std::size_t>(outcome.cause)];
      break;
    case LineOutcome::Kind::kError:
      fail(outcome.reason, line);
      break;
  }
  statistics_.rules = grammar_.rules();
  statistics_.exceptions = grammar_.exceptions();
  statistics_.typed = grammar_.typed();
}

void ListParser::fail(std::string_view reason, std::string_view line) {
  ++statistics_.error_count;
  if (statistics_.errors.size() < options_.kept_errors) {
    statistics_.errors.push_back({statistics_.lines, std::string(reason) + ": '" + shown(line) + "'"});
  }
  over_budget_ = options_.max_errors >= 0 && statistics_.error_count > static_cast<std::uint64_t>(options_.max_errors);
}

ListStatistics parse_list(std::string_view text, const ListParserOptions& options, RuleSink& sink) {
  ListParser parser(options, sink);
  parser.feed(text);
  parser.finish();
  return parser.statistics();
}

}  // namespace rampart::blocklists
