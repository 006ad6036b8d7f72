#include "tests/scenario/scenario_step.h"

#include <algorithm>
#include <stdexcept>

#include "base/ip_address.h"
#include "dns/message_view.h"
#include "dns/presentation.h"

namespace rampart::test {
namespace {

[[noreturn]] void refuse(const std::string& words) { throw std::runtime_error(words); }

std::int64_t read_number(const std::string& word) {
  std::size_t used = 0;
  std::int64_t number = 0;
  try {
    number = std::stoll(word, &used);
  } catch (const std::exception&) {
    refuse("`" + word + "` is no number");
  }
  if (used != word.size()) refuse("`" + word + "` is no number");
  return number;
}

Bytes read_rdata(dns::RrType type, const std::string& text) {
  switch (type) {
    case dns::RrType::kA:
    case dns::RrType::kAaaa: {
      const auto address = base::IpAddress::parse(text);
      if (!address) refuse("`" + text + "` is no address");
      if (address->is_v4() != (type == dns::RrType::kA)) refuse("`" + text + "` is of the other family");
      const auto octets = address->octets();
      return {octets.begin(), octets.end()};
    }
    case dns::RrType::kCname:
    case dns::RrType::kPtr:
    case dns::RrType::kNs: return wire_name(text);
    case dns::RrType::kTxt: {
      Bytes rdata{static_cast<std::uint8_t>(text.size())};
      rdata.insert(rdata.end(), text.begin(), text.end());
      return rdata;
    }
    case dns::RrType::kSoa: return soa_rdata("ns.example", static_cast<std::uint32_t>(read_number(text)));
    default: refuse("scenarios know no RDATA of type " + dns::to_text(type));
  }
}

}  // namespace

std::vector<std::string> split_words(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  bool is_quoted = false, is_word = false;
  for (const char c : line) {
    if (c == '"') {
      is_quoted = !is_quoted;
      is_word = true;
    } else if (!is_quoted && c == ';') {
      break;
    } else if (!is_quoted && (c == ' ' || c == '\t')) {
      if (is_word) words.push_back(std::move(word));
      word.clear();
      is_word = false;
    } else {
      word += c;
      is_word = true;
    }
  }
  if (is_quoted) refuse("a quotation mark is not closed");
  if (is_word) words.push_back(std::move(word));
  return words;
}

std::string StepWords::take(const char* what) {
  if (words_.empty()) refuse(std::string(what) + " is missing");
  std::string word = std::move(words_.front());
  words_.erase(words_.begin());
  return word;
}

bool StepWords::take_flag(std::string_view word) {
  const auto it = std::find(words_.begin(), words_.end(), word);
  if (it == words_.end()) return false;
  words_.erase(it);
  return true;
}

std::optional<std::string> StepWords::take_value(std::string_view key) {
  for (auto it = words_.begin(); it != words_.end(); ++it) {
    if (it->size() <= key.size() || it->compare(0, key.size(), key) != 0 || (*it)[key.size()] != '=') continue;
    std::string value = it->substr(key.size() + 1);
    words_.erase(it);
    return value;
  }
  return std::nullopt;
}

std::vector<std::string> StepWords::take_records() {
  std::vector<std::string> records;
  for (auto it = words_.begin(); it != words_.end();) {
    if (std::count(it->begin(), it->end(), '/') < 2) {
      ++it;
      continue;
    }
    records.push_back(std::move(*it));
    it = words_.erase(it);
  }
  return records;
}

void StepWords::done() const {
  if (!words_.empty()) refuse("`" + words_.front() + "` is not understood here");
}

Records read_records(const std::vector<std::string>& words) {
  Records records;
  for (const std::string& word : words) {
    AnswerRecord record;
    std::string rest = word;
    if (const auto equals = rest.find('='); equals < rest.find('/')) {
      record.owner = rest.substr(0, equals);
      rest = rest.substr(equals + 1);
    }
    const auto first = rest.find('/');
    const auto second = rest.find('/', first + 1);
    record.type = read_type(rest.substr(0, first));
    record.ttl = static_cast<std::uint32_t>(read_number(rest.substr(first + 1, second - first - 1)));
    record.rdata = read_rdata(record.type, rest.substr(second + 1));
    (record.type == dns::RrType::kSoa ? records.authority : records.answers).push_back(std::move(record));
  }
  return records;
}

dns::RrType read_type(const std::string& word) {
  const auto type = dns::parse_rr_type(word);
  if (!type) refuse("`" + word + "` is no RR type");
  return *type;
}

dns::Rcode read_rcode(const std::string& word) {
  for (int value = 0; value < 24; ++value)
    if (dns::to_text(static_cast<dns::Rcode>(value)) == word) return static_cast<dns::Rcode>(value);
  refuse("`" + word + "` is no RCODE");
}

std::chrono::nanoseconds read_duration(const std::string& word) {
  const auto unit_at = word.find_first_not_of("0123456789");
  const std::string unit = unit_at == std::string::npos ? "" : word.substr(unit_at);
  const std::int64_t number = read_number(word.substr(0, unit_at));
  if (unit == "ms") return std::chrono::milliseconds(number);
  if (unit == "s") return std::chrono::seconds(number);
  if (unit == "m") return std::chrono::minutes(number);
  if (unit == "h") return std::chrono::hours(number);
  refuse("`" + word + "` is no duration: a number with ms, s, m or h");
}

Range read_range(const std::string& word) {
  const auto dots = word.find("..");
  if (dots == std::string::npos) return {read_number(word), read_number(word)};
  return {read_number(word.substr(0, dots)), read_number(word.substr(dots + 2))};
}

Range read_duration_range(const std::string& word) {
  const auto dots = word.find("..");
  if (dots == std::string::npos) return {read_duration(word).count(), read_duration(word).count()};
  return {read_duration(word.substr(0, dots)).count(), read_duration(word.substr(dots + 2)).count()};
}

Spoken speak(const Bytes& response) {
  const auto message = dns::MessageView::parse(response);
  if (!message.ok()) refuse("the response to a client is malformed");
  Spoken spoken;
  spoken.rcode = dns::to_text(message->rcode());
  const std::uint16_t flags = base::load_u16(response.data() + 2);
  spoken.tc = flags & dns::kFlagTc;
  spoken.ad = flags & dns::kFlagAd;
  message->for_each_record([&](const dns::RecordView& record) {
    if (record.type == dns::RrType::kOpt) {
      const auto rdata = record.rdata();
      for (std::size_t at = 0; at + 4 <= rdata.size(); at += 4u + base::load_u16(rdata.data() + at + 2))
        if (base::load_u16(rdata.data() + at) == 15) spoken.ede = base::load_u16(rdata.data() + at + 4);
      return true;
    }
    std::string data = dns::rdata_text(record);
    if (record.type == dns::RrType::kSoa) data = data.substr(data.rfind(' ') + 1);
    if (!data.empty() && data.back() == '.') data.pop_back();
    if (data.size() >= 2 && data.front() == '"') data = data.substr(1, data.size() - 2);
    std::string owner = dns::to_text(record.owner().view());
    if (!owner.empty() && owner.back() == '.') owner.pop_back();
    const std::string ttl = std::to_string(record.ttl);
    spoken.records.push_back(owner + "=" + dns::to_text(record.type) + "/" + ttl + "/" + data);
    return true;
  });
  return spoken;
}

}  // namespace rampart::test
