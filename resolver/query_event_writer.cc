#include "resolver/query_event_writer.h"

#include <algorithm>
#include <array>
#include <cstdint>
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
  void assign(const QueryContext& context, const PolicySnapshot& policy, const RuleMatch& match) noexcept {
    length_ = 0;
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

  std::array<char, UINT8_MAX> buffer_;
  std::size_t length_;  ///< set by assign()
};

// What of a match goes into an EventMatch, no longer than that can say.
std::string_view group_text(const PolicySnapshot& policy, const RuleMatch& match) noexcept {
  return std::string_view(policy.filter->groups()[match.group]).substr(0, UINT8_MAX);
}
std::string_view types_text(const PolicySnapshot& policy, const RuleMatch& match) noexcept {
  return policy.filter->types_text(match.types).substr(0, UINT8_MAX);
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
  const auto& matches = context.verdict.matches;
  std::array<RuleText, std::tuple_size_v<decltype(blocklists::Verdict::matches)>> rules;
  std::size_t detail_bytes = is_block ? 0 : std::min(context.upstream.size(), kDetailBytesMax);
  std::uint8_t match_count = 0;
  for (; is_block && match_count < context.verdict.match_count; ++match_count) {
    const RuleMatch& match = matches[match_count];
    RuleText& rule = rules[match_count];
    rule.assign(context, policy, match);
    const std::size_t bytes = sizeof(EventMatch) + group_text(policy, match).size() + rule.view().size() +
                              types_text(policy, match).size();
    if (detail_bytes + bytes > kDetailBytesMax) break;
    detail_bytes += bytes;
  }
  storage::QueryEventHead* const head = ring.begin(base::as_bytes(context.identity->names), detail_bytes,
                                                   context.query->qname().wire(), response);
  if (head == nullptr) return false;
  char* detail = storage::QueryEventRing::detail_of(head);
  if (!is_block) base::put_text(detail, context.upstream.substr(0, detail_bytes));
  for (std::size_t i = 0; i < match_count; ++i)
    detail = put_match(detail, matches[i], group_text(policy, matches[i]), rules[i].view(),
                       types_text(policy, matches[i]));
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
