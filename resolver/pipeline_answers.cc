// The way back through the pipeline: what an upstream said is brought into the form in which it is kept, inspected,
// stored, and made the response; or a stale answer takes its place, or SERVFAIL.
#include <algorithm>

#include "dns/message_edit.h"
#include "dns/response_writer.h"
#include "resolver/cache_rules.h"
#include "resolver/conditional.h"
#include "resolver/inspector.h"
#include "resolver/pipeline.h"

namespace rampart::resolver {
namespace {

using dns::EdeCode;
using dns::Rcode;
using dns::RrType;
using storage::Reason;

bool has_dnssec_records(const dns::MessageView& message) noexcept {
  bool found = false;
  message.for_each_record([&](const dns::RecordView& record) {
    switch (record.type) {
      case RrType::kRrsig:
      case RrType::kNsec:
      case RrType::kNsec3:
      case RrType::kDs:
      case RrType::kDnskey: found = true; break;
      default: break;
    }
    return !found;
  });
  return found;
}

}  // namespace

// Keeps an upstream's answer, without DNSSEC records for those who did not ask for them. Returns its octets, none if the
// answer is unusable.
base::ByteView Pipeline::store(QueryContext& context, const PolicySnapshot& policy, const dns::MessageView& received,
                               base::Instant now, bool prefetched, bool& blocked) noexcept {
  blocked = false;
  const dns::QueryView& query = *context.query;
  dns::MessageView source = received;
  if (!query.dnssec_ok() && query.qtype() != RrType::kAny && has_dnssec_records(received)) {
    const auto length = dns::strip_dnssec_records(received, query.qtype(), stripped_);
    if (!length.ok()) return {};
    const auto parsed = dns::MessageView::parse(base::ByteView(stripped_).first(*length));
    if (!parsed.ok()) return {};
    source = *parsed;
  }
  const auto kept = keeper_.keep(source, context.name, query.qtype(), context.allowed ? 0 : context.groups, policy);
  if (!kept) return {};
  if (kept->was_inspected) counters_.inspected.add();

  if (kept->ttl_seconds > 0 && !context.is_conditional) {
    const CacheKeyView key = cache_key(context);
    if (!cache_.insert(key, kept->wire, kept->ttl_offsets, kept->ttl_seconds, now, {prefetched})) {
      counters_.cache_rejected.add();
    } else if (exports_ != nullptr && is_plain(key, policy)) {
      static_cast<void>(exports_->push(key.qtype, kept->ttl_seconds, kept->wire));  // a full ring drops and counts it
    }
  }
  if (kept->found.blocked) {
    blocked = true;
    context.verdict = kept->found.verdict;
    context.blocked_target = kept->found.target;
    context.blocked_address = kept->found.address;
    context.reason = kept->found.reason;
  } else if (kept->is_rebinding && !context.is_conditional) {
    // Domains with upstreams of their own are expected to have private addresses.
    blocked = true;
    context.reason = Reason::kRebinding;
  }
  return kept->wire;
}

// An answer to the name that conditional.rewrite put in place of ours becomes one to ours.
base::ByteView Pipeline::store_answer(QueryContext& context, const PolicySnapshot& policy,
                                      const dns::MessageView& received, base::Instant now, bool prefetched,
                                      bool& blocked) noexcept {
  dns::FoldedName room;
  if (&name_for_upstreams(context, policy, room) == &context.name)
    return store(context, policy, received, now, prefetched, blocked);
  renamed_.resize(dns::kMessageBytesMax);
  if (!received.has_question() || !dns::equal_ignoring_case(received.qname().view(), room.view())) return {};
  const auto length = dns::rename_question(received, context.name.view(), renamed_);
  if (!length.ok()) return {};
  const auto renamed = dns::MessageView::parse(base::ByteView(renamed_).first(*length));
  return renamed.ok() ? store(context, policy, *renamed, now, prefetched, blocked) : base::ByteView();
}

std::size_t Pipeline::complete(QueryContext& context, const PolicySnapshot& policy, const ForwardResult& result,
                               base::Instant now, base::MutableBytes out, bool is_final) noexcept {
  if (!is_final && policy.has_rewrite_fallback && result.outcome == ForwardOutcome::kAnswer &&
      result.message != nullptr && falls_back(context, policy, result.message->answer_count() == 0)) {
    bool blocked = false;
    dns::FoldedName room;
    // It holds for the rewritten name; of what conditional.rewrite asks for the cache has no name.
    if (&name_for_upstreams(context, policy, room) == &context.name)
      static_cast<void>(store(context, policy, *result.message, now, false, blocked));
    return 0;
  }
  const std::size_t length = complete_name(context, policy, result, now, out);
  return context.detour == Detour::kCname ? join_chain(context, policy, length, out) : length;
}

std::size_t Pipeline::complete_name(QueryContext& context, const PolicySnapshot& policy, const ForwardResult& result,
                                    base::Instant now, base::MutableBytes out) noexcept {
  context.upstream = result.upstream;
  if (result.outcome == ForwardOutcome::kAnswer && result.message != nullptr) {
    bool blocked = false;
    const base::ByteView kept = store_answer(context, policy, *result.message, now, false, blocked);
    if (!kept.empty() && blocked) {
      const Reason reason = context.reason;
      if (reason == Reason::kRebinding) return rebinding_answer(context, policy, out);
      const std::size_t written = block_answer(context, policy, out);
      respond(context, reason, Stage::kBlocking);
      return written;
    }
    if (!kept.empty()) {
      ExtendedError error;
      if (context.is_conditional) {
        respond(context, Reason::kConditional, Stage::kConditional);
        error = extended(policy, EdeCode::kForgedAnswer, to_text(Reason::kConditional));
      } else {
        respond(context, Reason::kResolved, Stage::kUpstream);
      }
      context.rcode = static_cast<std::uint16_t>(result.message->rcode());
      if (kept.size() > out.size()) return write_truncated(context, result.message->rcode(), out);
      std::copy(kept.begin(), kept.end(), out.begin());
      return render_message(context, policy, kept.size(), result.message->rcode(), error, out);
    }
    counters_.unusable_answers.add();
  }
  if (const std::size_t length = answer_stale(context, policy, now, out); length != 0) return length;
  if (result.outcome == ForwardOutcome::kOverload) return overload_answer(context, policy, out);
  const bool unreachable = result.outcome == ForwardOutcome::kTimeout;
  const ExtendedError error =
      result.outcome == ForwardOutcome::kServFail
          ? ExtendedError{}
          : extended(policy, unreachable ? EdeCode::kNoReachableAuthority : EdeCode::kNetworkError,
                     to_text(Reason::kUpstreamFailed));
  const Rcode rcode = result.outcome == ForwardOutcome::kServFail && result.message != nullptr
                          ? result.message->rcode()
                          : Rcode::kServFail;
  const std::size_t length = write_empty(context, rcode, error, out);
  respond(context, Reason::kUpstreamFailed, context.is_conditional ? Stage::kConditional : Stage::kUpstream);
  return length;
}

std::size_t Pipeline::answer_stale(QueryContext& context, const PolicySnapshot& policy, base::Instant now,
                                   base::MutableBytes out) noexcept {
  if (!policy.cache.enabled || !policy.cache.serve_stale || context.is_conditional) return 0;
  return respond_from_cache(context, policy, now, LookupMode::kStaleToo, out);
}

void Pipeline::store_only(QueryContext& context, const PolicySnapshot& policy, const ForwardResult& result,
                          Refresh refresh, base::Instant now) noexcept {
  if (result.outcome != ForwardOutcome::kAnswer || result.message == nullptr) return;
  const bool is_prefetch = refresh == Refresh::kPrefetch;
  if (is_prefetch && result.message->rcode() != Rcode::kNoError) return;
  bool blocked = false;
  static_cast<void>(store_answer(context, policy, *result.message, now, is_prefetch, blocked));
}

std::size_t Pipeline::refuse_overload(QueryContext& context, const PolicySnapshot& policy, base::Instant now,
                                      base::MutableBytes out) noexcept {
  std::size_t length = answer_stale(context, policy, now, out);
  if (length == 0) length = overload_answer(context, policy, out);
  return context.detour == Detour::kCname ? join_chain(context, policy, length, out) : length;
}

std::size_t Pipeline::overload_answer(QueryContext& context, const PolicySnapshot& policy,
                                      base::MutableBytes out) noexcept {
  const std::size_t length =
      write_empty(context, Rcode::kServFail, extended(policy, EdeCode::kOther, {}), out);
  respond(context, Reason::kOverload, Stage::kUpstream);
  return length;
}

}  // namespace rampart::resolver
