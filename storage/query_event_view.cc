#include "storage/query_event_view.h"

#include <algorithm>

#include "base/plain_text.h"
#include "dns/name.h"
#include "dns/presentation.h"

namespace rampart::storage {
namespace {

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

}  // namespace

std::optional<QueryEventView> QueryEventView::parse(base::ByteView record) noexcept {
  std::optional<QueryEventView> result;  // the one thing returned, so that it is made where the caller wants it
  if (record.size() < sizeof(QueryEventHead)) return result;
  QueryEventView& view = result.emplace();
  std::memcpy(static_cast<void*>(&view.head), record.data(), sizeof view.head);
  record = record.subspan(sizeof view.head);
  const QueryEventHead& head = view.head;
  const std::size_t parts =
      std::size_t{head.client_names_length} + head.detail_length + head.question_length + head.response_length;
  if (record.size() != parts || static_cast<std::size_t>(head.reason) >= kReasonCount) {
    result.reset();
    return result;
  }
  const auto take = [&record](std::size_t length) {
    const base::ByteView part = record.first(length);
    record = record.subspan(length);
    return part;
  };
  view.client_names = base::as_text(take(head.client_names_length));
  view.detail = base::as_text(take(head.detail_length));
  view.question = take(head.question_length);
  view.response = take(head.response_length);
  return result;
}

void QueryEventTexts::assign(const QueryEventView& event) {
  question_name.clear();
  if (const auto length = dns::measure_uncompressed(event.question); length && *length == event.question.size())
    dns::append_fqdn_text(question_name, dns::NameView(event.question));
  is_folded_ = false;
  if (client_ip.empty() || !(event.head.client == last_client_)) {
    last_client_ = event.head.client;
    client_ip = last_client_.to_string();
  }
  const auto type = static_cast<dns::RrType>(event.head.qtype);
  question_type = dns::mnemonic(type);
  if (question_type.empty()) question_type = unusual_type_ = dns::to_text(type);
  const auto rcode = static_cast<dns::Rcode>(event.head.rcode);
  response_code = dns::mnemonic(rcode);
  if (response_code.empty()) response_code = unusual_code_ = dns::to_text(rcode);
}

const std::string& QueryEventTexts::folded_name() const {
  if (!is_folded_) fold_question_name(question_name, folded_name_);
  is_folded_ = true;
  return folded_name_;
}

void append_clean(std::string& out, std::string_view text, bool keep_newlines) {
  while (!text.empty()) {
    const std::size_t run = base::plain_prefix(text);
    out.append(text.substr(0, run));
    text.remove_prefix(run);
    if (text.empty()) return;
    const std::size_t sequence = keep_newlines && text[0] == '\n' ? 1 : utf8_length(text);
    if (sequence == 0) out += '?';
    else out.append(text.substr(0, sequence));
    text.remove_prefix(std::max<std::size_t>(sequence, 1));
  }
}

void fold_question_name(std::string_view fqdn, std::string& out) {
  if (!fqdn.empty() && fqdn.back() == '.') fqdn.remove_suffix(1);
  out.resize(fqdn.size());
  base::fold_text(fqdn, out.data());
}

void join_client_names(std::string_view names, std::string_view separator, std::string& out) {
  out.clear();
  for (const char c : names) {
    if (c == '\n') out += separator;
    else out += c;
  }
}

}  // namespace rampart::storage
