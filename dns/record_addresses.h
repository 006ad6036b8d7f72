// The IP addresses that a record hands to the client: A, AAAA, and the hints of SVCB and HTTPS.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"
#include "base/ip_address.h"
#include "dns/message_view.h"
#include "dns/svc_params.h"

namespace rampart::dns {

/// Calls `visit(const base::IpAddress&)` for each address of `record` until it returns false. The record is one of a
/// parsed message. No allocation.
template <class Visitor>
void for_each_address(const RecordView& record, Visitor&& visit) {
  const base::ByteView rdata = record.rdata();
  if (record.type == RrType::kA && rdata.size() == 4) {
    visit(base::IpAddress::v4(rdata.data()));
  } else if (record.type == RrType::kAaaa && rdata.size() == 16) {
    visit(base::IpAddress::v6(rdata.data()));
  } else if (has_svc_params(record.type)) {
    for_each_svc_param(rdata, [&](std::uint16_t key, base::ByteView value) {
      const std::size_t width = key == kSvcIpv4Hint ? 4 : key == kSvcIpv6Hint ? 16 : 0;
      for (std::size_t i = 0; width != 0 && i + width <= value.size(); i += width) {
        const std::uint8_t* octets = value.data() + i;
        if (!visit(width == 4 ? base::IpAddress::v4(octets) : base::IpAddress::v6(octets))) return false;
      }
      return true;
    });
  }
}

}  // namespace rampart::dns
