#include "resolver/answer_keeper.h"

#include <algorithm>

#include "dns/message_edit.h"
#include "resolver/cache_rules.h"

namespace rampart::resolver {
namespace {

constexpr std::size_t kTtlsMax = 4096;  // an answer of more records is not kept

void age_ttls(base::MutableBytes message, std::span<const std::uint16_t> offsets, std::uint32_t seconds) noexcept {
  for (const auto at : offsets) {
    const std::uint32_t ttl = base::load_u32(message.data() + at);
    const bool is_valid = ttl < 0x80000000u;  // RFC 2181 8: others count as 0
    base::store_u32(message.data() + at, is_valid ? ttl - std::min(ttl, seconds) : 0);
  }
}

/// The letter case of our question is random (0x20), and an upstream that writes names in full repeats it in
/// owners: clients, caches and logs shall see the name as it is.
void fold_owners(base::MutableBytes wire, const dns::MessageView& message, const dns::FoldedName& qname) noexcept {
  message.for_each_record([&](const dns::RecordView& record) {
    const base::MutableBytes rest = wire.subspan(record.owner_at);
    if (rest.size() < qname.length) return true;
    const auto is_same = [](std::uint8_t found, std::uint8_t folded) {  // a length octet is no letter
      return found == folded || (found >= 'A' && found <= 'Z' && (found | 0x20) == folded);
    };
    if (std::equal(rest.begin(), rest.begin() + qname.length, qname.wire.begin(), is_same))
      std::copy_n(qname.wire.data(), qname.length, rest.data());
    return true;
  });
}

}  // namespace

AnswerKeeper::AnswerKeeper() : wire_(dns::kMessageBytesMax), ttl_offsets_(kTtlsMax) {}

std::optional<KeptAnswer> AnswerKeeper::keep(const dns::MessageView& answer, const dns::FoldedName& qname, dns::RrType qtype,
                                             blocklists::GroupMask groups, const PolicySnapshot& policy,
                                             std::uint32_t age_seconds) noexcept {
  const auto bare = dns::strip_opt_and_collect_ttls(answer, wire_, ttl_offsets_);
  if (!bare.ok()) return std::nullopt;
  KeptAnswer kept;
  kept.wire = base::MutableBytes(wire_).first(bare->length);
  kept.ttl_offsets = std::span(ttl_offsets_).first(bare->ttl_count);
  age_ttls(kept.wire, kept.ttl_offsets, age_seconds);
  clamp_ttls(kept.wire, kept.ttl_offsets, policy.cache);
  const auto message = dns::MessageView::parse(kept.wire);
  // Whoever gave the answer has compared the question already; here it guards the copy of the folded name below.
  if (!message.ok() || !message->has_question() || message->qtype() != qtype ||
      !dns::equal_ignoring_case(message->qname().view(), qname.view()) || kept.wire[dns::kHeaderBytes] >= 0xc0)
    return std::nullopt;

  kept.was_inspected = policy.blocking_configured && policy.filter->has_deny_rules(~blocklists::GroupMask{0});
  if (kept.was_inspected) kept.found = inspect(*message, qtype, *policy.filter, groups);
  kept.is_rebinding = policy.rebinding && policy.rebinding->inspect(qname.view(), *message);
  const bool is_clean = kept.found.untouched && !kept.is_rebinding;  // else it is looked at for each client
  base::store_u16(kept.wire.data(), is_clean ? policy.inspection_stamp() : 0);
  std::copy_n(qname.wire.data(), qname.length, kept.wire.data() + dns::kHeaderBytes);
  fold_owners(kept.wire, *message, qname);

  // The upper bits of an extended RCODE left with the OPT record: without them an error could pass for success.
  const bool has_whole_rcode = message->rcode() == answer.rcode();
  if (has_whole_rcode && policy.cache.enabled && !is_excluded(policy.cache, qname))
    kept.ttl_seconds = keep_seconds(*message, policy.cache);
  return kept;
}

}  // namespace rampart::resolver
