#include "storage/log_entry.h"

#include <re2/re2.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>

#include "base/log.h"
#include "dns/message_view.h"
#include "dns/name.h"
#include "dns/presentation.h"
#include "storage/reason.h"

namespace rampart::storage {
namespace {

// Enough for some 400 addresses; a 64 KiB answer of odd octets would otherwise become 256 KiB of escapes.
constexpr std::size_t kAnswerTextMax = 8192;
// A pattern is compiled once and runs over every logged name; RE2 refuses what needs more memory than this.
constexpr std::int64_t kPatternBytesMax = 1 << 20;

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

/// Length of the valid UTF-8 sequence at the start of `text`, or 0 (also for overlong forms and surrogates).
std::size_t utf8_length(std::string_view text) noexcept {
  const auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(i < text.size() ? text[i] : 0); };
  const std::uint8_t first = at(0);
  const auto follows = [&](std::size_t i) { return (at(i) & 0xc0) == 0x80; };
  if (first >= 0xc2 && first <= 0xdf) return follows(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    if (!follows(1) || !follows(2)) return 0;
    if ((first == 0xe0 && at(1) < 0xa0) || (first == 0xed && at(1) > 0x9f)) return 0;
    return 3;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    if (!follows(1) || !follows(2) || !follows(3)) return 0;
    if ((first == 0xf0 && at(1) < 0x90) || (first == 0xf4 && at(1) > 0x8f)) return 0;
    return 4;
  }
  return 0;
}

bool is_plain(char c) noexcept { return c >= 0x20 && c < 0x7f; }

/// Appends `text` with control characters and invalid UTF-8 replaced by '?'; '\n' is kept if it separates names.
void append_clean(std::string& out, std::string_view text, bool keep_newlines = false) {
  while (!text.empty()) {
    std::size_t run = 0;
    while (run < text.size() && (is_plain(text[run]) || (keep_newlines && text[run] == '\n'))) ++run;
    out.append(text.substr(0, run));
    text.remove_prefix(run);
    if (text.empty()) return;
    const std::size_t sequence = utf8_length(text);
    if (sequence == 0) {
      out += '?';
      text.remove_prefix(1);
    } else {
      out.append(text.substr(0, sequence));
      text.remove_prefix(sequence);
    }
  }
}

/// `log.privacy`: what a name consists of goes, its shape stays.
void mask(std::string& text) {
  for (char& c : text)
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) c = '*';
}

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

void fold_question_name(std::string_view fqdn, std::string& out) {
  if (!fqdn.empty() && fqdn.back() == '.') fqdn.remove_suffix(1);
  out.assign(fqdn);
  for (char& c : out) c = lower(c);
}

void join_client_names(std::string_view names, std::string_view separator, std::string& out) {
  out.clear();
  for (const char c : names) {
    if (c == '\n') out += separator;
    else out += c;
  }
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

LogEntryDecoder::Outcome LogEntryDecoder::decode(base::ByteView record) {
  QueryEventHead head;
  if (record.size() < sizeof head) return Outcome::kDamaged;
  std::memcpy(static_cast<void*>(&head), record.data(), sizeof head);
  record = record.subspan(sizeof head);
  if (record.size() != std::size_t{head.client_names_length} + head.detail_length + head.question_length +
                           head.response_length)
    return Outcome::kDamaged;
  const auto take = [&](std::size_t length) {
    const base::ByteView part = record.first(length);
    record = record.subspan(length);
    return part;
  };
  const std::string_view names = base::as_text(take(head.client_names_length));
  const std::string_view detail = base::as_text(take(head.detail_length));
  const base::ByteView question = take(head.question_length);
  const base::ByteView response = take(head.response_length);

  if (head.reason == Reason::kHealthcheck) return Outcome::kIgnored;
  const ResponseType type = response_type(head.reason);
  if (options_.ignore_sudn && type == ResponseType::kSpecial) return Outcome::kIgnored;

  // A query that was malformed has no name, and is logged without one.
  question_name_.clear();
  if (const auto length = dns::measure_uncompressed(question); length && *length == question.size())
    question_name_ = dns::to_fqdn_text(dns::NameView(question));
  fold_question_name(question_name_, qname_lower_);
  if (!ignored_.empty() && ignored_.contains(qname_lower_)) return Outcome::kIgnored;

  const EntryFields& fields = options_.fields;
  entry_ = {};
  entry_.start_unix_us = head.start_unix_us;
  entry_.duration_ms = fields.duration ? head.duration_us / 1000 : 0;
  entry_.instance = instance_;

  client_ip_ = fields.client_ip || names.empty() ? head.client.to_string() : std::string();
  client_names_.clear();
  if (!fields.client_name) client_names_ = "none";
  else if (names.empty()) client_names_ = client_ip_;
  else append_clean(client_names_, names, true);
  if (!fields.client_ip) client_ip_ = "0.0.0.0";
  entry_.client_ip = client_ip_;
  entry_.client_names = client_names_;

  if (fields.response_reason) {
    set_reason(head, detail);
    response_code_ = dns::to_text(static_cast<dns::Rcode>(head.rcode));
    entry_.reason = reason_;
    entry_.response_type = to_text(type);
    entry_.response_code = response_code_;
  }
  if (fields.response_answer) {
    answer_.clear();
    if (!response.empty()) {
      if (const auto message = dns::MessageView::parse(response))
        append_clean(answer_, std::string_view(dns::answer_text(*message)).substr(0, kAnswerTextMax));
    }
    if (options_.privacy) mask(answer_);
    entry_.answer = answer_;
  }
  if (fields.question) {
    question_type_ = dns::to_text(static_cast<dns::RrType>(head.qtype));
    if (options_.privacy) mask(question_name_);
    entry_.question_name = question_name_;
    entry_.question_type = question_type_;
  }
  return Outcome::kEntry;
}

void LogEntryDecoder::set_reason(const QueryEventHead& head, std::string_view detail) {
  reason_ = to_text(head.reason);
  if (head.match_count > 0) {
    append_matches(detail, head.match_count);
  } else if (head.reason == Reason::kResolved && !detail.empty()) {
    reason_ += " (";
    append_clean(reason_, detail);
    reason_ += ')';
  }
}

void LogEntryDecoder::append_matches(std::string_view detail, unsigned count) {
  std::string_view last_group;
  bool any = false;
  for (; count > 0 && detail.size() >= sizeof(EventMatch); --count) {
    EventMatch match;
    std::memcpy(&match, detail.data(), sizeof match);
    detail.remove_prefix(sizeof match);
    if (detail.size() < std::size_t{match.group_length} + match.rule_length) break;
    const std::string_view group = detail.substr(0, match.group_length);
    const std::string_view rule = detail.substr(match.group_length, match.rule_length);
    detail.remove_prefix(std::size_t{match.group_length} + match.rule_length);

    reason_ += any ? ", " : " (";
    if (!any || group != last_group) {
      append_clean(reason_, group);
      reason_ += ": ";
    }
    any = true;
    last_group = group;
    if (match.kind == MatchKind::kRegex) reason_ += '/';
    if (match.kind == MatchKind::kWildcard) reason_ += "*.";
    const bool from_qname = rule.empty() && (match.kind == MatchKind::kExact || match.kind == MatchKind::kWildcard);
    append_clean(reason_, from_qname ? skip_labels(qname_lower_, match.labels_skipped) : rule);
    if (match.kind == MatchKind::kRegex) reason_ += '/';
  }
  if (any) reason_ += ')';
}

}  // namespace rampart::storage
