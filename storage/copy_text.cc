#include "storage/copy_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <ctime>

#include "storage/public_suffix.h"

namespace rampart::storage {
namespace {

constexpr std::int64_t kMicroseconds = 1'000'000;
constexpr std::int64_t kDaySeconds = 86'400;

std::int64_t floor_div(std::int64_t a, std::int64_t b) noexcept { return a / b - (a % b < 0 ? 1 : 0); }

std::string second_text(std::int64_t second) {
  const auto time = static_cast<std::time_t>(second);
  std::tm utc{};
  gmtime_r(&time, &utc);
  char buffer[64];
  const int n = std::snprintf(buffer, sizeof buffer, "%04d-%02d-%02d %02d:%02d:%02d", utc.tm_year + 1900,
                              utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
  return {buffer, static_cast<std::size_t>(n)};
}

void append_fraction(std::int64_t microseconds, std::string& out) {
  char digits[7] = {'.', '0', '0', '0', '0', '0', '0'};
  for (int at = 6; at > 0; --at, microseconds /= 10) digits[at] = static_cast<char>('0' + microseconds % 10);
  out.append(digits, sizeof digits);
}

// The characters that end a run of plain ones: delimiters and the escape itself.
constexpr std::array<bool, 256> kSpecial = [] {
  std::array<bool, 256> special{};
  for (const char c : {'\\', '\t', '\n', '\r', '\b', '\f', '\v', '\0'}) special[static_cast<unsigned char>(c)] = true;
  return special;
}();

void append_escaped(std::string_view text, std::string& out) {
  std::size_t run = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!kSpecial[static_cast<unsigned char>(text[i])]) continue;
    out.append(text.data() + run, i - run);
    run = i + 1;
    switch (text[i]) {
      case '\\': out += "\\\\"; break;
      case '\t': out += "\\t"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\0': out += '?'; break;  // no text of the database can hold it
      default: out += ' '; break;
    }
  }
  out.append(text.data() + run, text.size() - run);
}

}  // namespace

std::string utc_text(std::int64_t unix_us) {
  const std::int64_t second = floor_div(unix_us, kMicroseconds);
  std::string text = second_text(second);
  append_fraction(unix_us - second * kMicroseconds, text);
  return text;
}

void CopyTextWriter::append_row(const LogEntry& entry, std::string& out) {
  const std::int64_t second = floor_div(entry.start_unix_us, kMicroseconds);
  if (second != second_) {
    second_ = second;
    second_text_ = second_text(second);
  }
  out += second_text_;
  append_fraction(entry.start_unix_us - second * kMicroseconds, out);
  out += "+00\t";
  append_escaped(entry.client_ip, out);
  out += '\t';
  if (entry.client_names.find('\n') == std::string_view::npos) {
    append_escaped(entry.client_names, out);
  } else {
    join_client_names(entry.client_names, "; ", names_);
    append_escaped(names_, out);
  }
  out += '\t';
  char number[16];
  const auto [end, error] = std::to_chars(number, number + sizeof number, entry.duration_ms);
  out.append(number, end);
  out += '\t';
  append_escaped(entry.reason, out);
  out += '\t';
  append_escaped(entry.response_type, out);
  out += '\t';
  append_escaped(entry.question_type, out);
  out += '\t';
  fold_question_name(entry.question_name, qname_);
  append_escaped(qname_, out);
  out += '\t';
  effective_tld_plus_one(qname_, domain_);
  append_escaped(domain_, out);
  out += '\t';
  append_escaped(entry.answer, out);
  out += '\t';
  append_escaped(entry.response_code, out);
  out += '\t';
  append_escaped(entry.instance, out);
  out += '\n';
}

std::vector<std::int32_t> days_of(const EntryBatch& batch) {
  std::vector<std::int32_t> days;
  batch.for_each([&](const LogEntry& entry) {
    const auto day = static_cast<std::int32_t>(floor_div(entry.start_unix_us, kMicroseconds * kDaySeconds));
    if (days.empty() || (days.back() != day && std::find(days.begin(), days.end(), day) == days.end()))
      days.push_back(day);
    return true;
  });
  std::sort(days.begin(), days.end());
  return days;
}

}  // namespace rampart::storage
