#include "dns/append_opt.h"

#include <algorithm>
#include <cstring>

#include "dns/message_view.h"

namespace rampart::dns {

std::size_t append_opt(base::MutableBytes message, std::size_t length, bool dnssec_ok, Rcode rcode, EdeCode code,
                       std::string_view text) noexcept {
  constexpr std::size_t kOptBytes = 11;
  constexpr std::size_t kEdeTextMax = 200;
  text = text.substr(0, kEdeTextMax);
  const bool has_ede = code != EdeCode::kOther;
  const std::size_t options = has_ede ? 6 + text.size() : 0;
  if (length < kHeaderBytes || length + kOptBytes + options > message.size()) return 0;

  std::uint8_t* p = message.data() + length;
  p[0] = 0;  // root owner
  base::store_u16(p + 1, static_cast<std::uint16_t>(RrType::kOpt));
  base::store_u16(p + 3, kUdpPayloadBytes);
  p[5] = static_cast<std::uint8_t>(static_cast<std::uint16_t>(rcode) >> 4);
  p[6] = 0;  // version
  base::store_u16(p + 7, dnssec_ok ? 0x8000 : 0);
  base::store_u16(p + 9, static_cast<std::uint16_t>(options));
  if (has_ede) {
    base::store_u16(p + 11, static_cast<std::uint16_t>(EdnsOption::kEde));
    base::store_u16(p + 13, static_cast<std::uint16_t>(2 + text.size()));
    base::store_u16(p + 15, static_cast<std::uint16_t>(code));
    if (!text.empty()) std::memcpy(p + 17, text.data(), text.size());
  }
  std::uint8_t* arcount = message.data() + 10;
  base::store_u16(arcount, static_cast<std::uint16_t>(base::load_u16(arcount) + 1));
  return length + kOptBytes + options;
}

std::size_t append_tcp_keepalive(base::MutableBytes message, std::size_t length,
                                 std::uint16_t timeout_100ms) noexcept {
  const std::size_t with_option = length + kTcpKeepaliveBytes;
  if (with_option > message.size() || with_option > kMessageBytesMax) return length;
  const auto parsed = MessageView::parse(message.first(length));
  if (!parsed) return length;
  std::size_t options_at = 0;
  std::uint16_t options_length = 0;
  parsed->for_each_record([&](const RecordView& record) {
    if (record.type != RrType::kOpt) return true;
    options_at = record.rdata_at;
    options_length = record.rdata_length;
    return false;
  });
  if (options_at == 0 || options_at + options_length != length) return length;
  base::store_u16(message.data() + options_at - 2, static_cast<std::uint16_t>(options_length + kTcpKeepaliveBytes));
  std::uint8_t* p = message.data() + length;
  base::store_u16(p, static_cast<std::uint16_t>(EdnsOption::kTcpKeepalive));
  base::store_u16(p + 2, 2);
  base::store_u16(p + 4, timeout_100ms);
  return with_option;
}

}  // namespace rampart::dns
