// A worker's record as the drain thread reads it: checked once, its usual texts made once, shared by the query log
// and whoever else counts queries.
#pragma once

#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/text_buffer.h"
#include "storage/query_event.h"

namespace rampart::storage {

/// The parts of one record as views into it.
struct QueryEventView {
  QueryEventHead head;
  std::string_view client_names;  ///< joined by '\n'
  std::string_view detail;
  base::ByteView question;
  base::ByteView response;

  /// nullopt if the lengths do not add up, or the reason is none.
  [[nodiscard]] static std::optional<QueryEventView> parse(base::ByteView record) noexcept;
};

/// Texts of one event; they keep their memory from event to event.
struct QueryEventTexts {
  std::string question_name;  ///< as asked, with final dot; empty for a query that was malformed
  std::string client_ip;
  std::string_view question_type;
  std::string_view response_code;

  void assign(const QueryEventView& event);
  /// The question's name in lower case, without final dot; made when somebody asks for it.
  [[nodiscard]] const std::string& folded_name() const;

 private:
  mutable std::string folded_name_;
  mutable bool is_folded_ = false;
  std::string unusual_type_, unusual_code_;  ///< those without a mnemonic
  base::IpAddress last_client_{};
};

/// Calls `visit(const EventMatch&, group, rule, types)` for each matched group inside the detail of a block.
template <class Visitor>
void for_each_match(const QueryEventView& event, Visitor&& visit) {
  std::string_view rest = event.detail;
  for (unsigned count = event.head.match_count; count > 0 && rest.size() >= sizeof(EventMatch); --count) {
    EventMatch match;
    std::memcpy(static_cast<void*>(&match), rest.data(), sizeof match);
    rest.remove_prefix(sizeof match);
    const std::size_t types_at = std::size_t{match.group_length} + match.rule_length;
    if (rest.size() < types_at + match.types_length) return;
    visit(match, rest.substr(0, match.group_length), rest.substr(match.group_length, match.rule_length),
          rest.substr(types_at, match.types_length));
    rest.remove_prefix(types_at + match.types_length);
  }
}

/// Appends `text` with control characters and invalid UTF-8 replaced by '?'; '\n' is kept if it separates names.
void append_clean(std::string& out, std::string_view text, bool keep_newlines = false);
inline void append_clean(base::TextBuffer& out, std::string_view text, bool keep_newlines = false) {
  if (base::is_plain(text)) [[likely]] return out.append(text);
  std::string clean;
  append_clean(clean, text, keep_newlines);
  out.append(clean);
}

/// The question name as the databases keep it: lower case, without final dot.
void fold_question_name(std::string_view fqdn, std::string& out);
/// Client names joined for people.
void join_client_names(std::string_view names, std::string_view separator, std::string& out);

}  // namespace rampart::storage
