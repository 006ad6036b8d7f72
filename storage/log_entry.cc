#include "storage/log_entry.h"

#include <re2/re2.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>

#include "base/log.h"
#include "base/plain_text.h"
#include "dns/name.h"
#include "dns/presentation.h"
#include "storage/reason.h"

namespace rampart::storage {
namespace {

// Enough for some 400 addresses; a 64 KiB answer of odd octets would otherwise become 256 KiB of escapes.
constexpr std::size_t kAnswerTextMax = 8192;
// A pattern is compiled once and runs over every logged name; RE2 refuses what needs more memory than this.
constexpr std::int64_t kPatternBytesMax = 1 << 20;

/// The suffix of a lower-case presentation name behind `labels` labels; an escaped dot does not end a label.
std::string_view skip_labels(std::string_view name, unsigned labels) {
  std::size_t at = 0;
  while (labels > 0 && at < name.size()) {
    if (name[at] == '\\') ++at;
    else if (name[at] == '.') --labels;
    ++at;
  }
  return at < name.size() ? name.substr(at) : std::string_view{};
}

std::string resolve_instance(const EntryOptions& options) {
  std::string clean;
  append_clean(clean, options.instance.empty() ? instance_name() : options.instance);
  return clean;
}

}  // namespace

void mask_name(std::string& text) {
  for (char& c : text)
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) c = '*';
}

std::string instance_name() {
  std::ifstream file("/etc/hostname");
  std::string line;
  std::getline(file, line);
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!line.empty() && is_space(line.back())) line.pop_back();
  line.erase(0, static_cast<std::size_t>(std::find_if_not(line.begin(), line.end(), is_space) - line.begin()));
  if (!line.empty()) return line;
  char buffer[256] = {};
  return gethostname(buffer, sizeof buffer - 1) == 0 ? buffer : "";
}

// --- IgnoredNames --------------------------------------------------------------------------------------------

IgnoredNames::IgnoredNames(const std::vector<std::string>& rules) {
  for (const std::string& rule : rules) {
    if (rule.size() >= 2 && rule.front() == '/' && rule.back() == '/') {
      re2::RE2::Options options;
      options.set_log_errors(false);
      options.set_case_sensitive(false);
      options.set_max_mem(kPatternBytesMax);
      auto pattern = std::make_unique<re2::RE2>(rule.substr(1, rule.size() - 2), options);
      if (rule.size() == 2 || !pattern->ok()) {
        base::log::warn("queryLog", "queryLog.ignore.domains: pattern '" + rule + "' is skipped: " +
                                        (rule.size() == 2 ? "it is empty" : pattern->error()));
        continue;
      }
      patterns_.push_back(std::move(pattern));
      continue;
    }
    std::string name;
    fold_question_name(rule, name);
    if (name.starts_with("*.")) below_.insert(name.substr(2));
    else exact_.insert(std::move(name));
  }
}
IgnoredNames::~IgnoredNames() = default;
IgnoredNames::IgnoredNames(IgnoredNames&&) noexcept = default;

bool IgnoredNames::contains(std::string_view name) const {
  if (!exact_.empty() && exact_.contains(std::string(name))) return true;
  if (!below_.empty()) {
    for (std::string_view suffix = name; !suffix.empty(); suffix = skip_labels(suffix, 1))
      if (below_.contains(std::string(suffix))) return true;
  }
  return std::any_of(patterns_.begin(), patterns_.end(), [&](const auto& pattern) {
    return re2::RE2::PartialMatch(re2::StringPiece(name.data(), name.size()), *pattern);
  });
}

// --- LogEntryDecoder -----------------------------------------------------------------------------------------

LogEntryDecoder::LogEntryDecoder(EntryOptions options)
    : options_(std::move(options)), ignored_(options_.ignore_domains), instance_(resolve_instance(options_)) {}

LogEntryDecoder::Outcome LogEntryDecoder::decode(const QueryEventView& event, const QueryEventTexts& texts) {
  const QueryEventHead& head = event.head;
  if (head.reason == Reason::kHealthcheck) return Outcome::kIgnored;
  const ResponseType type = response_type(head.reason);
  if (options_.ignore_sudn && type == ResponseType::kSpecial) return Outcome::kIgnored;
  if (!ignored_.empty() && ignored_.contains(texts.folded_name())) return Outcome::kIgnored;

  const EntryFields& fields = options_.fields;
  entry_ = {};
  entry_.start_unix_us = head.start_unix_us;
  entry_.duration_ms = fields.duration ? head.duration_us / 1000 : 0;
  entry_.instance = instance_;

  if (!fields.client_name) {
    entry_.client_names = "none";
  } else if (event.client_names.empty()) {
    entry_.client_names = texts.client_ip;
  } else {
    client_names_.clear();
    append_clean(client_names_, event.client_names, true);
    entry_.client_names = client_names_.view();
  }
  entry_.client_ip = fields.client_ip ? std::string_view(texts.client_ip) : "0.0.0.0";

  if (fields.response_reason) {
    set_reason(event, texts);
    entry_.reason = reason_.view();
    entry_.response_type = to_text(type);
    entry_.response_code = texts.response_code;
  }
  if (fields.response_answer) {
    answer_.clear();
    dns::append_answer_text(answer_, event.response);
    if (answer_.size() > kAnswerTextMax) answer_.resize(kAnswerTextMax);
    if (!base::is_plain(answer_)) {
      answer_text_.swap(answer_);
      answer_.clear();
      append_clean(answer_, answer_text_);
    }
    if (options_.privacy) mask_name(answer_);
    entry_.answer = answer_;
  }
  if (fields.question) {
    entry_.question_name = texts.question_name;
    if (options_.privacy) {
      masked_name_ = texts.question_name;
      mask_name(masked_name_);
      entry_.question_name = masked_name_;
    }
    entry_.question_type = texts.question_type;
  }
  return Outcome::kEntry;
}

void LogEntryDecoder::set_reason(const QueryEventView& event, const QueryEventTexts& texts) {
  reason_.clear();
  reason_.append(to_text(event.head.reason));
  if (event.head.match_count > 0) {
    append_matches(event, texts.folded_name());
  } else if (event.head.reason == Reason::kResolved && !event.detail.empty()) {
    reason_.append(" (");
    append_clean(reason_, event.detail);
    reason_.append(")");
  }
}

void LogEntryDecoder::append_matches(const QueryEventView& event, std::string_view folded_name) {
  std::string_view last_group;
  bool any = false;
  for_each_match(event, [&](const EventMatch& match, std::string_view group, std::string_view rule,
                            std::string_view types) {
    reason_.append(any ? ", " : " (");
    if (!any || group != last_group) {
      append_clean(reason_, group);
      reason_.append(": ");
    }
    any = true;
    last_group = group;
    const std::string_view delimiter = match.kind == MatchKind::kRegex ? "/" : "";
    reason_.append(match.kind == MatchKind::kWildcard ? "*." : delimiter);
    const bool is_of_name = match.kind == MatchKind::kExact || match.kind == MatchKind::kWildcard;
    if (rule.empty() && is_of_name) reason_.append(skip_labels(folded_name, match.labels_skipped));
    else append_clean(reason_, rule);
    reason_.append(delimiter);
    append_clean(reason_, types);
  });
  if (any) reason_.append(")");
}

}  // namespace rampart::storage
