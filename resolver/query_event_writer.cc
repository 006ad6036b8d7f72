#include "resolver/query_event_writer.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "base/plain_text.h"

namespace rampart::resolver {
namespace {

using blocklists::RuleKind;
using blocklists::RuleMatch;
using storage::EventMatch;
using storage::MatchKind;
using storage::Reason;

constexpr std::size_t kDetailBytesMax = 1024;

MatchKind kind_of(RuleKind kind) noexcept { return static_cast<MatchKind>(kind); }
static_assert(static_cast<int>(RuleKind::kAddress) == static_cast<int>(MatchKind::kAddress));
static_assert(static_cast<int>(RuleKind::kRegex) == static_cast<int>(MatchKind::kRegex));

// Presentation of a folded name without escapes: only for names that came through a list, whose labels are plain.
template <class Append>
void append_name(const dns::FoldedName& name, std::size_t labels_skipped, Append&& append) noexcept {
  for (std::size_t i = labels_skipped; i < name.label_count; ++i) {
    const std::uint8_t at = name.label_at[i];
    if (i > labels_skipped) append(".");
    append(std::string_view(reinterpret_cast<const char*>(name.wire.data() + at + 1), name.wire[at]));
  }
}

// The text that a match cannot get back from the query name: a pattern, an address, or a target's name.
class RuleText {
 public:
  RuleText(const QueryContext& context, const PolicySnapshot& policy, const RuleMatch& match) noexcept {
    if (match.kind == RuleKind::kRegex) append(policy.filter->regex_text(match.regex));
    else if (context.reason == Reason::kBlockedIp) append(context.blocked_address.to_string());
    else if (context.reason == Reason::kBlockedCname || context.reason == Reason::kBlockedTarget) {
      dns::FoldedName target;
      target.assign(context.blocked_target.view());
      append_name(target, match.labels_skipped, [this](std::string_view text) { append(text); });
    }
  }
  [[nodiscard]] std::string_view view() const noexcept { return {buffer_.data(), length_}; }

 private:
  void append(std::string_view text) noexcept {
    const std::size_t n = std::min(text.size(), buffer_.size() - length_);
    std::memcpy(buffer_.data() + length_, text.data(), n);
    length_ += n;
  }

  std::array<char, 255> buffer_;
  std::size_t length_ = 0;
};

/// Calls `visit(const RuleMatch&, group, rule, types)` for what blocked the query, until it returns false. No text
/// is longer than an EventMatch can say.
template <class Visit>
void for_each_blocking_rule(const QueryContext& context, const PolicySnapshot& policy, Visit&& visit) noexcept {
  for (std::size_t i = 0; i < context.verdict.match_count; ++i) {
    const RuleMatch& match = context.verdict.matches[i];
    const std::string_view group = policy.filter->groups()[match.group];
    const std::string_view types = policy.filter->types_text(match.types);
    const RuleText rule(context, policy, match);
    if (!visit(match, group.substr(0, 255), rule.view(), types.substr(0, 255))) return;
  }
}

char* put_match(char* to, const RuleMatch& match, std::string_view group, std::string_view rule,
                std::string_view types) noexcept {
  static_assert(alignof(EventMatch) == 1);
  auto* const part = ::new (to) EventMatch;
  part->kind = kind_of(match.kind);
  part->labels_skipped = match.labels_skipped;
  part->group_length = static_cast<std::uint8_t>(group.size());
  part->rule_length = static_cast<std::uint8_t>(rule.size());
  part->types_length = static_cast<std::uint8_t>(types.size());
  to = base::put_text(to + sizeof(EventMatch), group);
  to = base::put_text(to, rule);
  return base::put_text(to, types);
}

}  // namespace

bool write_event(storage::QueryEventRing& ring, const QueryContext& context, const PolicySnapshot& policy,
                 const QueryTiming& timing, base::ByteView response) noexcept {
  const bool is_block = response_type(context.reason) == storage::ResponseType::kBlocked;
  std::size_t detail_bytes = 0;
  std::uint8_t match_count = 0;
  if (is_block) {
    for_each_blocking_rule(context, policy, [&](const RuleMatch&, auto group, auto rule, auto types) {
      const std::size_t bytes = sizeof(EventMatch) + group.size() + rule.size() + types.size();
      if (detail_bytes + bytes > kDetailBytesMax) return false;
      detail_bytes += bytes;
      ++match_count;
      return true;
    });
  } else {
    detail_bytes = std::min(context.upstream.size(), kDetailBytesMax);
  }
  storage::QueryEventHead* const head = ring.begin(base::as_bytes(context.identity->names), detail_bytes,
                                                   context.query->qname().wire(), response);
  if (head == nullptr) return false;
  char* detail = storage::QueryEventRing::detail_of(head);
  if (!is_block) {
    base::put_text(detail, context.upstream.substr(0, detail_bytes));
  } else {
    std::uint8_t left = match_count;
    for_each_blocking_rule(context, policy, [&](const RuleMatch& match, auto group, auto rule, auto types) {
      if (left == 0) return false;
      detail = put_match(detail, match, group, rule, types);
      return --left != 0;
    });
  }
  head->start_unix_us = timing.arrival_unix_us;
  head->duration_us = timing.duration_us;
  head->client = context.client;
  head->qtype = static_cast<std::uint16_t>(context.query->qtype());
  head->rcode = context.rcode;
  head->reason = context.reason;
  head->protocol = static_cast<std::uint8_t>(context.protocol);
  head->match_count = match_count;
  head->name_count = context.identity->name_count;
  ring.commit();
  return true;
}

void ReasonText::append(std::string_view text) noexcept {
  const std::size_t n = std::min(text.size(), buffer_.size() - length_);
  if (n == 0) return;  // an empty view may have no text behind it, which memcpy must not be given
  std::memcpy(buffer_.data() + length_, text.data(), n);
  length_ += n;
}

void ReasonText::assign(const QueryContext& context, const PolicySnapshot& policy) noexcept {
  length_ = 0;
  append(to_text(context.reason));
  // A verdict that allowed says nothing about the answer that followed.
  if (context.verdict.match_count == 0 || response_type(context.reason) != storage::ResponseType::kBlocked) return;
  append(" (");
  for (std::size_t i = 0; i < context.verdict.match_count; ++i) {
    const RuleMatch& match = context.verdict.matches[i];
    if (i > 0) append(", ");
    append(policy.filter->groups()[match.group]);
    if (context.reason != Reason::kBlocked) continue;  // the rule is about a target that the client did not ask for
    append(": ");
    if (match.kind == RuleKind::kRegex) {
      append("/");
      append(policy.filter->regex_text(match.regex));
      append("/");
    } else {
      if (match.kind == RuleKind::kWildcard) append("*.");
      append_name(context.name, match.labels_skipped, [this](std::string_view text) { append(text); });
    }
    append(policy.filter->types_text(match.types));
  }
  append(")");
}

}  // namespace rampart::resolver
