// Queries and responses as octets, for tests: written by hand here, not by the code under test.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "dns/types.h"

namespace rampart::test {

using Bytes = std::vector<std::uint8_t>;

struct QueryOptions {
  std::uint16_t id = 0x1234;
  std::uint16_t flags = dns::kFlagRd;
  dns::RrClass qclass = dns::RrClass::kIn;
  bool edns = false;
  bool dnssec_ok = false;
  std::uint16_t udp_payload = 1232;
};

/// A query for `name` (presentation format, no escapes).
Bytes make_query(std::string_view name, dns::RrType type, const QueryOptions& options = {});

struct AnswerRecord {
  std::string owner;  ///< "" = the qname
  dns::RrType type = dns::RrType::kA;
  std::uint32_t ttl = 300;
  Bytes rdata;
};

/// A response to `query` (its ID, question and RD), with these answer and authority records.
Bytes make_response(base::ByteView query, dns::Rcode rcode, const std::vector<AnswerRecord>& answers,
                    const std::vector<AnswerRecord>& authority = {}, std::uint16_t extra_flags = 0);

Bytes wire_name(std::string_view name);
Bytes a_rdata(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d);
Bytes soa_rdata(std::string_view mname, std::uint32_t minimum);

}  // namespace rampart::test
