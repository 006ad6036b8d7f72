// The IP addresses that a record hands to the client: A, AAAA, and the hints of SVCB and HTTPS.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/ip_address.h"
#include "dns/message_view.h"

namespace rampart::dns {

/// Calls `visit(const base::IpAddress&)` for each address of `record` until it returns false. The record is one of a
/// parsed message. No allocation.
template <class Visitor>
void for_each_address(const RecordView& record, Visitor&& visit) {
  constexpr std::uint16_t kIpv4Hint = 4;  // SvcParamKeys, RFC 9460 14.3.2
  constexpr std::uint16_t kIpv6Hint = 6;
  const base::ByteView rdata = record.rdata();
  if (record.type == RrType::kA && rdata.size() == 4) {
    visit(base::IpAddress::v4(rdata.data()));
  } else if (record.type == RrType::kAaaa && rdata.size() == 16) {
    visit(base::IpAddress::v6(rdata.data()));
  } else if (record.type == RrType::kSvcb || record.type == RrType::kHttps) {
    std::size_t at = 2;  // behind the priority: the target, uncompressed (RFC 9460 2.2)
    while (at < rdata.size() && rdata[at] != 0) at += 1u + rdata[at];
    for (++at; at + 4 <= rdata.size();) {
      const std::uint16_t key = base::load_u16(rdata.data() + at);
      const std::size_t length = base::load_u16(rdata.data() + at + 2);
      at += 4;
      if (length > rdata.size() - at) return;
      const std::size_t width = key == kIpv4Hint ? 4 : key == kIpv6Hint ? 16 : 0;
      for (std::size_t i = 0; width != 0 && i + width <= length; i += width) {
        const std::uint8_t* octets = rdata.data() + at + i;
        if (!visit(width == 4 ? base::IpAddress::v4(octets) : base::IpAddress::v6(octets))) return;
      }
      at += length;
    }
  }
}

}  // namespace rampart::dns
