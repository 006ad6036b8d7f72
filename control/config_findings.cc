#include "control/config_findings.h"

#include <algorithm>
#include <cstdio>
#include <tuple>

namespace rampart::control {
namespace {

Finding make(Severity severity, const Place& place, std::string_view key, std::string message) {
  Finding out;
  out.severity = severity;
  if (place.file) out.file = *place.file;
  out.line = place.line;
  out.column = place.column;
  out.key = key;
  out.message = std::move(message);
  return out;
}

void put_in_order(std::vector<Finding>& findings, std::size_t beyond, const char* what) {
  std::stable_sort(findings.begin(), findings.end(), [](const Finding& a, const Finding& b) {
    return std::tie(a.file, a.line, a.column) < std::tie(b.file, b.line, b.column);
  });
  if (beyond == 0) return;
  Finding last;
  last.severity = findings.back().severity;
  last.message = std::to_string(beyond) + " more " + what + " not shown";
  findings.push_back(std::move(last));
}

/// Edit distance with swapped neighbours as one mistake, where case counts half a letter; in half letters.
std::size_t distance(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (std::size_t j = 0; j < row.size(); ++j) row[j] = 2 * j;
  for (std::size_t i = 0; i < a.size(); ++i) {
    before.swap(last);
    last.swap(row);
    row[0] = 2 * (i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t change = a[i] == b[j] ? 0 : lower(a[i]) == lower(b[j]) ? 1 : 2;
      row[j + 1] = std::min({last[j] + change, row[j] + 2, last[j + 1] + 2});
      if (i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j]) row[j + 1] = std::min(row[j + 1], before[j - 1] + 2);
    }
  }
  return row.back();
}

}  // namespace

std::string Finding::to_text() const {
  std::string out;
  if (!file.empty()) {
    out = file;
    if (line > 0) out += ":" + std::to_string(line) + ":" + std::to_string(column);
    out += ": ";
  }
  if (!key.empty()) out += key + ": ";
  return out + message;
}

void Findings::fault(const Place& place, std::string_view key, std::string message) {
  if (faults_.size() >= kFaultsMax) {
    ++faults_beyond_;
    return;
  }
  faults_.push_back(make(Severity::kFault, place, key, std::move(message)));
}

void Findings::unread(const Place& place, std::string_view key, std::string message) {
  has_read_all_ = false;
  fault(place, key, std::move(message));
}

void Findings::warn(const Place& place, std::string_view key, std::string message) {
  if (warnings_.size() >= kWarningsMax) {
    ++warnings_beyond_;
    return;
  }
  warnings_.push_back(make(Severity::kWarning, place, key, std::move(message)));
}

void Findings::error(const Place& place, std::string_view key, std::string message) {
  if (warnings_.size() >= kWarningsMax) {
    ++warnings_beyond_;
    return;
  }
  warnings_.push_back(make(Severity::kError, place, key, std::move(message)));
}

std::vector<Fault> Findings::take_faults() {
  put_in_order(faults_, faults_beyond_, "faults");
  return std::move(faults_);
}

std::vector<Warning> Findings::take_warnings() {
  put_in_order(warnings_, warnings_beyond_, "warnings");
  return std::move(warnings_);
}

std::string quoted(std::string_view text) {
  constexpr std::size_t kShown = 60;
  std::string out = "'";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool continues = (static_cast<unsigned char>(text[i]) & 0xc0) == 0x80;  // never cut inside a character
    if (i >= kShown && !continues) {
      out += "…";
      break;
    }
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == '\n') {
      out += "\\n";
    } else if (c < 0x20 || c == 0x7f) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\x%02x", c);
      out += escaped;
    } else {
      out += text[i];
    }
  }
  return out + "'";
}

std::string nearest(std::string_view word, const std::vector<std::string>& candidates) {
  constexpr std::size_t kLongest = 64;  // what is longer is no mistyped key, and costs its square
  if (word.size() > kLongest) return {};
  std::string best;
  std::size_t best_distance = 0;
  for (const auto& candidate : candidates) {
    const std::size_t d = distance(word, candidate);
    if (d > std::max<std::size_t>(3, 2 * candidate.size() / 3)) continue;
    if (best.empty() || d < best_distance) {
      best = candidate;
      best_distance = d;
    }
  }
  return best;
}

}  // namespace rampart::control
