#include "resolver/cache_intake.h"

#include <algorithm>

#include "resolver/cache_rules.h"

namespace rampart::resolver {

using dns::Rcode;
using storage::TakeOver;

TakeOver CacheIntake::take_over(const storage::SharedKey& question, base::ByteView message, std::uint32_t ttl_seconds,
                                const PolicySnapshot& policy, base::Instant now) {
  if (message.size() > dns::kMessageBytesMax) return TakeOver::kMalformed;
  const auto received = dns::MessageView::parse(message);
  if (!received.ok() || (received->flags() & dns::kFlagQr) == 0 || received->opcode() != dns::Opcode::kQuery)
    return TakeOver::kMalformed;
  if (!received->has_question() || received->qtype() != question.type || received->qclass() != dns::RrClass::kIn ||
      !dns::equal_ignoring_case(received->qname().view(), question.name.view()))
    return TakeOver::kWrongQuestion;
  if (received->rcode() != Rcode::kNoError && received->rcode() != Rcode::kNxDomain) return TakeOver::kUnusable;
  const std::uint32_t whole_life = keep_seconds(*received, policy.cache);
  const std::uint32_t left = std::min(whole_life, ttl_seconds);
  if (left == 0) return TakeOver::kUnusable;

  dns::FoldedName qname;
  qname.assign(question.name.view());
  const auto kept = keeper_.keep(*received, qname, question.type, 0, policy, whole_life - left);
  if (!kept) return TakeOver::kMalformed;
  if (kept->ttl_seconds == 0) return TakeOver::kUnusable;
  // A negative answer's lifetime is not in its TTLs alone.
  const std::uint32_t life = std::min(kept->ttl_seconds, std::max(left, policy.cache.min_ttl));
  const std::uint32_t group = policy.clients.cache_group_of(0);
  const base::HashKey& hash_key = policy.filter->key();
  const base::Hash128 name_hash = blocklists::hash_name(hash_key, qname);
  const auto key = make_cache_key(hash_key, qname, name_hash, question.type, group, false, false);
  return cache_.insert(key, kept->wire, kept->ttl_offsets, life, now) ? TakeOver::kStored : TakeOver::kRefused;
}

}  // namespace rampart::resolver
