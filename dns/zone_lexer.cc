#include "dns/zone_lexer.h"

namespace rampart::dns {
namespace {

bool is_blank(char c) noexcept { return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f'; }
bool ends_column(char c) noexcept {
  return is_blank(c) || c == '\n' || c == ';' || c == '(' || c == ')' || c == '"';
}

}  // namespace

// A quoted string may not span lines: a forgotten quote would else swallow the rest of the text.
bool ZoneLexer::read_column(ZoneColumn& column) {
  column.is_quoted = text_[at_] == '"';
  if (column.is_quoted) ++at_;
  const std::size_t from = at_;
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c == '\n') break;
    if (column.is_quoted ? c == '"' : ends_column(c)) break;
    at_ += c == '\\' && at_ + 1 < text_.size() && text_[at_ + 1] != '\n' ? 2 : 1;
  }
  column.text = text_.substr(from, at_ - from);
  if (!column.is_quoted) return true;
  if (at_ >= text_.size() || text_[at_] != '"') return false;
  ++at_;
  return true;
}

ZoneLexer::Outcome ZoneLexer::next(ZoneEntry& entry) {
  entry.columns.clear();
  bool is_joined = false;
  std::size_t from = at_;
  while (at_ < text_.size()) {
    const char c = text_[at_];
    if (c == '\n') {
      ++line_;
      ++at_;
      if (is_joined) continue;
      if (!entry.columns.empty()) {
        entry.raw = text_.substr(from, at_ - 1 - from);
        return Outcome::kEntry;
      }
      from = at_;
    } else if (is_blank(c)) {
      ++at_;
    } else if (c == ';') {
      while (at_ < text_.size() && text_[at_] != '\n') ++at_;
    } else if (c == '(' || c == ')') {
      if (entry.columns.empty() && !is_joined) {
        entry.line = line_;
        entry.has_owner = false;
      }
      if (is_joined == (c == '(')) return Outcome::kStrayParenthesis;  // there are no inner ones
      is_joined = c == '(';
      ++at_;
    } else {
      if (entry.columns.empty()) {
        if (!is_joined) entry.line = line_;
        entry.has_owner = at_ == from && !is_joined;
      }
      ZoneColumn column;
      if (!read_column(column)) {
        entry.line = line_;
        return Outcome::kOpenQuote;
      }
      entry.columns.push_back(column);
    }
  }
  if (is_joined) return Outcome::kOpenParenthesis;
  if (entry.columns.empty()) return Outcome::kEnd;
  entry.raw = text_.substr(from);
  return Outcome::kEntry;
}

}  // namespace rampart::dns
