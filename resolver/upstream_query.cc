#include "resolver/upstream_query.h"

#include <cstring>

namespace rampart::resolver {
namespace {

constexpr std::uint32_t kDoBit = 0x8000;

std::uint8_t in_case(std::uint8_t octet, std::size_t at, std::uint64_t upper_case) noexcept {
  // Length octets are at most 63, below any letter.
  const bool is_letter = octet >= 'a' && octet <= 'z';
  return is_letter && (upper_case >> (at & 63) & 1) ? static_cast<std::uint8_t>(octet - 0x20) : octet;
}

std::uint8_t lower(std::uint8_t octet) noexcept {
  return octet >= 'A' && octet <= 'Z' ? static_cast<std::uint8_t>(octet + 0x20) : octet;
}

}  // namespace

std::size_t write_upstream_query(const UpstreamQuestion& question, const UpstreamQueryForm& form,
                                 base::MutableBytes out) noexcept {
  std::uint8_t* p = out.data();
  base::store_u16(p, form.id);
  // AD asks the upstream to say whether the data is authentic (RFC 6840 5.7).
  std::uint16_t flags = dns::kFlagRd | dns::kFlagAd;
  if (question.checking_disabled) flags |= dns::kFlagCd;
  base::store_u16(p + 2, flags);
  base::store_u16(p + 4, 1);
  base::store_u16(p + 6, 0);
  base::store_u16(p + 8, 0);
  base::store_u16(p + 10, form.with_edns ? 1 : 0);
  p += dns::kHeaderBytes;

  const std::size_t length = question.name.size();
  std::memcpy(p, question.name.data(), length);
  if (form.upper_case != 0)
    for (std::size_t i = 0; i < length; ++i) p[i] = in_case(p[i], i, form.upper_case);
  p += length;
  base::store_u16(p, static_cast<std::uint16_t>(question.qtype));
  base::store_u16(p + 2, static_cast<std::uint16_t>(question.qclass));
  p += 4;

  if (form.with_edns) {
    const std::size_t ecs = question.ecs.empty() ? 0 : 4 + question.ecs.size();
    std::size_t padding = 0;
    if (form.padded) {
      const std::size_t bare = static_cast<std::size_t>(p - out.data()) + 11 + ecs + 4;
      padding = 4 + (kQueryPaddingBytes - bare % kQueryPaddingBytes) % kQueryPaddingBytes;
    }
    *p++ = 0;  // the root
    base::store_u16(p, static_cast<std::uint16_t>(dns::RrType::kOpt));
    base::store_u16(p + 2, dns::kUdpPayloadBytes);
    base::store_u32(p + 4, question.dnssec_ok ? kDoBit : 0);
    base::store_u16(p + 8, static_cast<std::uint16_t>(ecs + padding));
    p += 10;
    if (ecs != 0) {
      base::store_u16(p, static_cast<std::uint16_t>(dns::EdnsOption::kEcs));
      base::store_u16(p + 2, static_cast<std::uint16_t>(question.ecs.size()));
      std::memcpy(p + 4, question.ecs.data(), question.ecs.size());
      p += ecs;
    }
    if (padding != 0) {
      base::store_u16(p, static_cast<std::uint16_t>(dns::EdnsOption::kPadding));
      base::store_u16(p + 2, static_cast<std::uint16_t>(padding - 4));
      std::memset(p + 4, 0, padding - 4);
      p += padding;
    }
  }
  return static_cast<std::size_t>(p - out.data());
}

QuestionMatch match_question(base::ByteView message, const UpstreamQuestion& question,
                             std::uint64_t upper_case) noexcept {
  const std::uint16_t flags = base::load_u16(message.data() + 2);
  if (!(flags & dns::kFlagQr) || ((flags >> 11) & 0xf) != 0) return QuestionMatch::kDifferent;
  const std::uint16_t questions = base::load_u16(message.data() + 4);
  if (questions == 0) {
    const auto rcode = static_cast<dns::Rcode>(flags & 0xf);
    const bool is_error = rcode != dns::Rcode::kNoError && rcode != dns::Rcode::kNxDomain;
    return is_error ? QuestionMatch::kAbsent : QuestionMatch::kDifferent;
  }
  const std::size_t length = question.name.size();
  if (questions != 1 || message.size() < dns::kHeaderBytes + length + 4) return QuestionMatch::kDifferent;
  const std::uint8_t* p = message.data() + dns::kHeaderBytes;
  bool is_exact = true;
  for (std::size_t i = 0; i < length; ++i) {
    const std::uint8_t asked = question.name[i];
    if (p[i] == in_case(asked, i, upper_case)) continue;
    if (lower(p[i]) != asked) return QuestionMatch::kDifferent;
    is_exact = false;
  }
  if (base::load_u16(p + length) != static_cast<std::uint16_t>(question.qtype) ||
      base::load_u16(p + length + 2) != static_cast<std::uint16_t>(question.qclass))
    return QuestionMatch::kDifferent;
  return is_exact ? QuestionMatch::kExact : QuestionMatch::kCaseFolded;
}

}  // namespace rampart::resolver
