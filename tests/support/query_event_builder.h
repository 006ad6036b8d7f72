// Query events for tests, as a worker would push them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "dns/name.h"
#include "storage/query_event_ring.h"

namespace rampart::test_support {

/// Pushes an event with the lengths of these parts and the other fields of `head`.
inline bool push_event(storage::QueryEventRing& ring, const storage::QueryEventHead& head,
                       base::ByteView client_names, base::ByteView detail, base::ByteView question,
                       base::ByteView response) {
  storage::QueryEventHead* const at = ring.begin(client_names, detail.size(), question, response);
  if (at == nullptr) return false;
  base::put_text(storage::QueryEventRing::detail_of(at), base::as_text(detail));
  storage::QueryEventHead filled = head;
  filled.client_names_length = at->client_names_length;
  filled.detail_length = at->detail_length;
  filled.question_length = at->question_length;
  filled.response_length = at->response_length;
  *at = filled;
  ring.commit();
  return true;
}

/// `QueryEventBuilder("www.example.org.").answer_a("192.0.2.1").push(ring)`
class QueryEventBuilder {
 public:
  explicit QueryEventBuilder(std::string_view qname, std::uint16_t qtype = 1) {
    const auto name = dns::Name::parse(qname);
    question_.assign(name->wire().begin(), name->wire().end());
    head_.start_unix_us = 1'700'000'000'123'456;
    head_.duration_us = 4'999;
    head_.client = *base::IpAddress::parse("192.0.2.7");
    head_.qtype = qtype;
    head_.reason = storage::Reason::kResolved;
    client_names_ = "laptop";
    detail_ = "tcp+udp:192.0.2.53";
  }
  QueryEventBuilder& start_us(std::int64_t us) { head_.start_unix_us = us; return *this; }
  QueryEventBuilder& reason(storage::Reason reason, std::string detail = {}) {
    head_.reason = reason;
    detail_ = std::move(detail);
    return *this;
  }
  QueryEventBuilder& rcode(std::uint16_t rcode) { head_.rcode = rcode; return *this; }
  QueryEventBuilder& client(std::string_view ip, std::string names) {
    head_.client = *base::IpAddress::parse(ip);
    client_names_ = std::move(names);
    head_.name_count = 1;
    return *this;
  }
  QueryEventBuilder& match(storage::MatchKind kind, std::uint8_t labels_skipped, std::string_view group,
                           std::string_view rule, std::string_view types = {}) {
    if (head_.match_count++ == 0) detail_.clear();
    detail_ += static_cast<char>(kind);
    detail_ += static_cast<char>(labels_skipped);
    detail_ += static_cast<char>(group.size());
    detail_ += static_cast<char>(rule.size());
    detail_ += static_cast<char>(types.size());
    detail_ += group;
    detail_ += rule;
    detail_ += types;
    return *this;
  }
  /// A response with one A record for the question.
  QueryEventBuilder& answer_a(std::string_view address, std::uint32_t ttl = 60) {
    response_.assign({0, 1, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0});
    response_.insert(response_.end(), question_.begin(), question_.end());
    for (const std::uint8_t octet : {0, 1, 0, 1, 0xc0, 12, 0, 1, 0, 1}) response_.push_back(octet);
    for (int shift = 24; shift >= 0; shift -= 8) response_.push_back(static_cast<std::uint8_t>(ttl >> shift));
    response_.push_back(0);
    response_.push_back(4);
    const auto ip = *base::IpAddress::parse(address);
    response_.insert(response_.end(), ip.octets().begin(), ip.octets().end());
    return *this;
  }
  QueryEventBuilder& response(std::vector<std::uint8_t> bytes) { response_ = std::move(bytes); return *this; }
  QueryEventBuilder& question_bytes(std::vector<std::uint8_t> bytes) { question_ = std::move(bytes); return *this; }

  bool push(storage::QueryEventRing& ring) const {
    return push_event(ring, head_, base::as_bytes(client_names_), base::as_bytes(detail_), question_, response_);
  }
  /// The record as the drain thread sees it.
  [[nodiscard]] std::vector<std::uint8_t> record() const {
    storage::QueryEventRing ring(1 << 16);
    push(ring);
    std::vector<std::uint8_t> out;
    ring.consume([&](base::ByteView bytes) { out.assign(bytes.begin(), bytes.end()); }, 1);
    return out;
  }

 private:
  storage::QueryEventHead head_;
  std::string client_names_;
  std::string detail_;
  std::vector<std::uint8_t> question_;
  std::vector<std::uint8_t> response_;
};

}  // namespace rampart::test_support
