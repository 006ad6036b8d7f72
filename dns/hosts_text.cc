#include "dns/hosts_text.h"

#include <algorithm>

namespace rampart::dns {
namespace {

constexpr std::string_view kBlanks = " \t\r\v\f";

std::string_view next_column(std::string_view& rest) {
  rest.remove_prefix(std::min(rest.find_first_not_of(kBlanks), rest.size()));
  const auto column = rest.substr(0, rest.find_first_of(kBlanks));
  rest.remove_prefix(column.size());
  return column;
}

std::string shown(std::string_view text) {
  constexpr std::size_t kShown = 60;
  std::string out = "'";
  for (const char c : text.substr(0, kShown)) out += c >= ' ' && c <= '~' ? c : '?';
  return out + (text.size() > kShown ? "...'" : "'");
}

}  // namespace

bool HostsTextReader::fail(std::string why) {
  if (error_count_++ == 0) first_error_ = "line " + std::to_string(line_) + ": " + std::move(why);
  return !is_over_budget();
}

bool HostsTextReader::read_line(std::string_view line) {
  ++line_;
  if (line_ == 1 && line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
  std::string_view rest = line.substr(0, line.find('#'));
  const auto address = next_column(rest);
  if (address.empty()) return true;
  // `fe80::1%lo0`: such a line is about one interface of the host it comes from.
  const auto zone = address.find('%');
  const auto parsed = base::IpAddress::parse(address.substr(0, zone));
  if (!parsed) return fail(shown(address) + " is no IP address; a line is ADDRESS NAME [NAME...]");
  current_.address = *parsed;
  current_.aliases.clear();
  bool has_name = false;
  for (auto column = next_column(rest); !column.empty(); column = next_column(rest)) {
    const auto name = Name::parse(column);
    if (!name || name->view().is_root()) return fail(shown(column) + " is no host name");
    if (has_name) current_.aliases.push_back(*name);
    else current_.name = *name;
    has_name = true;
  }
  if (!has_name) return fail("the address " + shown(address) + " has no name");
  return zone != std::string_view::npos || take_(current_);
}

bool HostsTextReader::feed(std::string_view text) {
  while (!text.empty()) {
    const auto end = text.find('\n');
    const auto piece = text.substr(0, end);
    const bool is_whole = end != std::string_view::npos;
    text.remove_prefix(is_whole ? end + 1 : text.size());
    if (!is_skipping_ && rest_.size() + piece.size() > kLineBytesMax) {
      is_skipping_ = true;
      rest_.clear();
      ++line_;
      if (!fail("longer than " + std::to_string(kLineBytesMax) + " octets")) return false;
    }
    if (is_skipping_) {
      is_skipping_ = !is_whole;
      continue;
    }
    if (!is_whole) {
      rest_ += piece;
    } else if (rest_.empty()) {
      if (!read_line(piece)) return false;
    } else {
      rest_ += piece;
      const std::string line = std::move(rest_);
      rest_.clear();
      if (!read_line(line)) return false;
    }
  }
  return true;
}

bool HostsTextReader::finish() {
  if (rest_.empty()) return !is_over_budget();
  const std::string line = std::move(rest_);
  rest_.clear();
  return read_line(line);
}

}  // namespace rampart::dns
