#include "resolver/cache_intake.h"

#include <algorithm>

#include "dns/message_edit.h"
#include "resolver/cache_rules.h"
#include "resolver/inspector.h"

namespace rampart::resolver {
namespace {

using dns::Rcode;
using storage::TakeOver;

constexpr std::size_t kTtlsMax = 4096;  // as for an upstream's answer

}  // namespace

CacheIntake::CacheIntake(Cache& cache) : cache_(cache), scratch_(dns::kMessageBytesMax), ttl_offsets_(kTtlsMax) {}

TakeOver CacheIntake::take_over(const storage::SharedKey& question, base::ByteView message, std::uint32_t ttl_seconds,
                                const PolicySnapshot& policy, base::Instant now) {
  if (message.size() > scratch_.size()) return TakeOver::kMalformed;
  const auto received = dns::MessageView::parse(message);
  if (!received.ok() || (received->flags() & dns::kFlagQr) == 0 || received->opcode() != dns::Opcode::kQuery)
    return TakeOver::kMalformed;
  if (!received->has_question() || received->qtype() != question.type || received->qclass() != dns::RrClass::kIn ||
      !dns::equal_ignoring_case(received->qname().view(), question.name.view()))
    return TakeOver::kWrongQuestion;
  if (message[dns::kHeaderBytes] >= 0xc0) return TakeOver::kMalformed;  // the cache keeps the name in full
  if (received->rcode() != Rcode::kNoError && received->rcode() != Rcode::kNxDomain) return TakeOver::kUnusable;

  dns::FoldedName name;
  name.assign(question.name.view());
  if (!policy.cache.enabled || is_excluded(policy.cache, name)) return TakeOver::kUnusable;
  const std::uint32_t whole_life = keep_seconds(*received, policy.cache);
  const std::uint32_t life = std::min(whole_life, ttl_seconds);
  if (life == 0) return TakeOver::kUnusable;

  const auto bare = dns::strip_opt_and_collect_ttls(*received, scratch_, ttl_offsets_);
  if (!bare.ok()) return TakeOver::kUnusable;
  const auto kept = base::MutableBytes(scratch_).first(bare->length);
  const auto offsets = std::span<const std::uint16_t>(ttl_offsets_).first(bare->ttl_count);
  for (const auto at : offsets) {
    const std::uint32_t ttl = base::load_u32(kept.data() + at);
    base::store_u32(kept.data() + at, ttl - std::min(ttl, whole_life - life));
  }
  const auto parsed = dns::MessageView::parse(kept);
  if (!parsed.ok()) return TakeOver::kMalformed;
  const bool inspects = policy.blocking_configured && policy.filter->has_deny_rules(~blocklists::GroupMask{0});
  const bool is_clean = !inspects || inspect(*parsed, *policy.filter, 0).untouched;  // else looked at for each client
  const bool is_rebinding = policy.rebinding && policy.rebinding->inspect(name.view(), *parsed);
  base::store_u16(kept.data(), is_clean && !is_rebinding ? policy.inspection_stamp() : 0);
  std::copy_n(name.wire.data(), name.length, kept.data() + dns::kHeaderBytes);

  const auto key = make_cache_key(policy.filter->key(), name, question.type, 0, false, false);
  return cache_.insert(key, kept, offsets, life, now) ? TakeOver::kStored : TakeOver::kRefused;
}

}  // namespace rampart::resolver
