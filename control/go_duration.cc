#include "control/go_duration.h"

#include <cstdint>
#include <cstdio>
#include <limits>

namespace rampart::control {
namespace {

struct Unit {
  std::string_view text;
  std::int64_t ns;
};
constexpr Unit kUnits[] = {{"ns", 1},          {"us", 1'000},           {"µs", 1'000},  {"μs", 1'000},
                           {"ms", 1'000'000},  {"s", 1'000'000'000},    {"m", 60'000'000'000},
                           {"h", 3'600'000'000'000}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }

base::Error<std::string> fail(std::string_view what, std::string_view text) {
  return base::Error{"time: " + std::string(what) + " \"" + std::string(text) + "\""};
}

}  // namespace

base::Result<std::chrono::nanoseconds, std::string> parse_go_duration(std::string_view text) {
  constexpr auto kMax = std::numeric_limits<std::int64_t>::max();
  std::string_view rest = text;
  bool negative = false;
  if (!rest.empty() && (rest[0] == '-' || rest[0] == '+')) {
    negative = rest[0] == '-';
    rest.remove_prefix(1);
  }
  if (rest == "0") return std::chrono::nanoseconds(0);
  if (rest.empty()) return fail("invalid duration", text);
  std::int64_t total = 0;
  while (!rest.empty()) {
    std::int64_t whole = 0;
    std::size_t digits = 0;
    for (; digits < rest.size() && is_digit(rest[digits]); ++digits) {
      if (whole > (kMax - 9) / 10) return fail("invalid duration", text);
      whole = whole * 10 + (rest[digits] - '0');
    }
    rest.remove_prefix(digits);
    double fraction = 0;
    std::size_t fraction_digits = 0;
    if (!rest.empty() && rest[0] == '.') {
      rest.remove_prefix(1);
      double scale = 0.1;
      for (; fraction_digits < rest.size() && is_digit(rest[fraction_digits]); ++fraction_digits) {
        fraction += (rest[fraction_digits] - '0') * scale;
        scale /= 10;
      }
      rest.remove_prefix(fraction_digits);
    }
    if (digits + fraction_digits == 0) return fail("invalid duration", text);
    std::size_t unit_end = 0;
    while (unit_end < rest.size() && rest[unit_end] != '.' && !is_digit(rest[unit_end])) ++unit_end;
    const std::string_view unit_text = rest.substr(0, unit_end);
    if (unit_text.empty()) return fail("missing unit in duration", text);
    rest.remove_prefix(unit_end);
    const Unit* unit = nullptr;
    for (const Unit& candidate : kUnits) {
      if (candidate.text == unit_text) unit = &candidate;
    }
    if (unit == nullptr) return fail("unknown unit \"" + std::string(unit_text) + "\" in duration", text);
    if (whole > kMax / unit->ns) return fail("invalid duration", text);
    const std::int64_t part = whole * unit->ns;
    const auto fraction_ns = static_cast<std::int64_t>(fraction * static_cast<double>(unit->ns) + 1e-3);
    if (part > kMax - fraction_ns || total > kMax - (part + fraction_ns)) return fail("invalid duration", text);
    total += part + fraction_ns;
  }
  return std::chrono::nanoseconds(negative ? -total : total);
}

std::string go_duration_text(std::chrono::nanoseconds duration) {
  std::int64_t ns = duration.count();
  std::string out;
  if (ns < 0) out.push_back('-');
  const std::uint64_t magnitude = ns < 0 ? 0 - static_cast<std::uint64_t>(ns) : static_cast<std::uint64_t>(ns);
  char buffer[48];
  const auto trimmed = [&](double value, const char* unit) {
    std::snprintf(buffer, sizeof(buffer), "%.9f", value);
    std::string text = buffer;
    text.erase(text.find_last_not_of('0') + 1);
    if (text.back() == '.') text.pop_back();
    return text + unit;
  };
  if (magnitude == 0) return "0s";
  if (magnitude < 1'000) return out + std::to_string(magnitude) + "ns";
  if (magnitude < 1'000'000) return out + trimmed(static_cast<double>(magnitude) / 1e3, "µs");
  if (magnitude < 1'000'000'000) return out + trimmed(static_cast<double>(magnitude) / 1e6, "ms");
  const std::uint64_t seconds = magnitude / 1'000'000'000;
  if (seconds >= 3600) out += std::to_string(seconds / 3600) + "h";
  if (seconds >= 60) out += std::to_string(seconds / 60 % 60) + "m";
  return out + trimmed(static_cast<double>(seconds % 60) + static_cast<double>(magnitude % 1'000'000'000) / 1e9, "s");
}

}  // namespace rampart::control
