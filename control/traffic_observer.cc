#include "control/traffic_observer.h"

#include <algorithm>
#include <cstring>

#include "storage/query_event.h"

namespace rampart::control {

void reason_label(base::ByteView record, std::string_view reason, std::string& out) {
  out.assign(reason);
  storage::QueryEventHead head;
  if (record.size() < sizeof(head)) return;
  std::memcpy(&head, record.data(), sizeof(head));
  const std::size_t detail_at = sizeof(head) + head.client_names_length;
  if (head.match_count == 0 || detail_at + head.detail_length > record.size()) return;
  auto detail = record.subspan(detail_at, head.detail_length);
  out.assign(to_text(head.reason));
  out += " (";
  for (unsigned i = 0; i < head.match_count; ++i) {
    storage::EventMatch match;
    if (detail.size() < sizeof(match)) break;
    std::memcpy(&match, detail.data(), sizeof(match));
    detail = detail.subspan(sizeof(match));
    if (detail.size() < std::size_t{match.group_length} + match.rule_length) break;
    if (i > 0) out += ", ";
    out += base::as_text(detail.first(match.group_length));
    detail = detail.subspan(std::size_t{match.group_length} + match.rule_length);
  }
  out += ')';
}

namespace {

// The answer is what costs most to decode, and nothing here counts it.
storage::EntryOptions without_answer() {
  storage::EntryOptions options;
  options.fields.response_answer = false;
  return options;
}

}  // namespace

TrafficObserver::TrafficObserver(TrafficCounters& traffic, Statistics* statistics)
    : traffic_(traffic), statistics_(statistics), decoder_(without_answer()) {}

void TrafficObserver::observe(base::ByteView record) {
  if (decoder_.decode(record) != storage::LogEntryDecoder::Outcome::kEntry) return;
  const storage::LogEntry& entry = decoder_.entry();
  storage::QueryEventHead head;
  std::memcpy(&head, record.data(), sizeof(head));
  storage::fold_question_name(entry.question_name, name_);
  storage::join_client_names(entry.client_names, ",", client_);
  reason_label(record, entry.reason, label_);
  StatSample sample;
  sample.time = base::WallTime(std::chrono::microseconds(entry.start_unix_us));
  sample.client = client_;
  sample.name = name_;
  sample.query_type = entry.question_type;
  sample.return_code = entry.response_code;
  sample.reason_label = label_;
  sample.response_type = response_type(head.reason);
  sample.duration_us = head.duration_us;
  traffic_.record(sample);
  if (statistics_ != nullptr) statistics_->record(sample);
}

}  // namespace rampart::control
