#include "control/traffic_observer.h"

namespace rampart::control {

using storage::Reason;

void reason_label(const storage::QueryEventView& event, std::string& out) {
  out.assign(to_text(event.head.reason));
  if (event.head.match_count > 0) {
    std::string_view separator = " (";
    storage::for_each_match(event, [&](const storage::EventMatch&, std::string_view group, auto&&...) {
      out += separator;
      storage::append_clean(out, group);
      separator = ", ";
    });
    if (separator == " (") out += separator;
    out += ')';
  } else if (event.head.reason == Reason::kResolved && !event.detail.empty()) {
    out += " (";
    storage::append_clean(out, event.detail);
    out += ')';
  }
}

TrafficObserver::TrafficObserver(TrafficCounters& traffic, Statistics* statistics)
    : traffic_(traffic), statistics_(statistics) {}

const std::string& TrafficObserver::label_of(const storage::QueryEventView& event) {
  Label& label = labels_[static_cast<std::size_t>(event.head.reason)];
  const bool is_same = label.match_count == event.head.match_count && label.detail == event.detail;
  if (is_same && !label.text.empty()) return label.text;
  reason_label(event, label.text);
  label.match_count = event.head.match_count;
  label.detail = event.detail;
  return label.text;
}

void TrafficObserver::observe(const storage::QueryEventView& event, const storage::QueryEventTexts& texts) {
  if (event.head.reason == Reason::kHealthcheck) return;
  StatSample sample;
  sample.time = base::WallTime(std::chrono::microseconds(event.head.start_unix_us));
  sample.client = texts.client_ip;
  if (!event.client_names.empty()) {
    client_.clear();
    storage::append_clean(client_, event.client_names, true);
    sample.client = client_;
    if (client_.find('\n') != std::string::npos) {
      storage::join_client_names(client_, ",", joined_);
      sample.client = joined_;
    }
  }
  sample.query_type = texts.question_type;
  sample.return_code = texts.response_code;
  sample.reason_label = label_of(event);
  sample.response_type = response_type(event.head.reason);
  sample.duration_us = event.head.duration_us;
  traffic_.record(sample);
  if (statistics_ == nullptr) return;
  sample.name = texts.folded_name();
  statistics_->record(sample);
}

}  // namespace rampart::control
