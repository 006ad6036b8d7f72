#include "resolver/pipeline.h"

#include <algorithm>
#include <memory>

#include "dns/response_writer.h"
#include "resolver/cache_rules.h"
#include "resolver/conditional.h"
#include "resolver/inspector.h"
#include "resolver/query_event_writer.h"
#include "resolver/special_use.h"

namespace rampart::resolver {
namespace {

using dns::EdeCode;
using dns::Rcode;
using dns::RrClass;
using dns::RrType;
using storage::Reason;

// healthcheck.blocky, folded wire format without what may stand before it.
constexpr std::uint8_t kHealthcheckName[] = "\x0bhealthcheck\x06" "blocky";

bool is_healthcheck(const QueryContext& context) noexcept {
  return context.query->qtype() != RrType::kDs &&
         dns::is_at_or_below(context.name.view(), dns::NameView({kHealthcheckName, sizeof(kHealthcheckName)}));
}

bool is_name(const dns::FoldedName& name, std::string_view wire) noexcept {
  return base::as_text({name.wire.data(), name.length}) == wire;
}

using namespace std::string_view_literals;
constexpr std::string_view kVersionBind = "\x07version\x04" "bind\0"sv;
constexpr std::string_view kVersionServer = "\x07version\x06server\0"sv;
constexpr std::string_view kIdServer = "\x02id\x06server\0"sv;
constexpr std::string_view kHostnameBind = "\x08hostname\x04" "bind\0"sv;

// Types that are requests to a server rather than for data (RFC 6895 3.1); OPT is none of a question's business.
bool is_refused_type(RrType type) noexcept {
  const auto value = static_cast<std::uint16_t>(type);
  return value == 0 || type == RrType::kOpt || (value >= 249 && value <= 254);
}

const BlockAnswer& block_answer_for(const QueryContext& context, const PolicySnapshot& policy) noexcept {
  for (const auto& [groups, answer] : policy.group_block_answers)
    if (groups & context.verdict.groups) return answer;
  return policy.block_answer;
}

// An empty answer of this kind says that the name has no data, not that the client may not have it.
bool may_be_followed(Reason reason) noexcept {
  switch (response_type(reason)) {
    case storage::ResponseType::kCustomDns:
    case storage::ResponseType::kCached:
    case storage::ResponseType::kSpecial: return true;
    default: return false;
  }
}

}  // namespace

Pipeline::Pipeline(Cache& cache, WorkerCounters& counters, storage::QueryEventRing* events,
                   storage::CacheExportRing* exports, ClientNameDesk* names)
    : cache_(cache), counters_(counters), events_(events), exports_(exports), clients_(names), rate_gate_(counters),
      stripped_(dns::kMessageBytesMax), scratch_(dns::kMessageBytesMax) {}

CacheKeyView Pipeline::cache_key(const QueryContext& context) const noexcept {
  return {context.name,
          context.query->qtype(),
          context.identity->cache_group,
          context.query->dnssec_ok(),
          context.query->checking_disabled(),
          context.cache_hash};
}

void Pipeline::begin(QueryContext& context, const PolicySnapshot& policy) noexcept {
  context.identity = nullptr;
  context.verdict.action = blocklists::Action::kNone;
  context.verdict.match_count = 0;
  context.verdict.groups = 0;
  context.allowed = false;
  context.wants_prefetch = false;
  context.upstream = {};
  context.detour = Detour::kNone;
  context.is_original_only = false;
  context.is_conditional = false;
  if (const auto error = dns::QueryView::parse(context.wire, context.query)) {
    context.wire_error = *error;
    return;
  }
  const dns::QueryView& query = *context.query;
  context.size_limit =
      context.protocol == Protocol::kUdp ? dns::udp_size_limit(query) : dns::kMessageBytesMax;
  context.name.assign(query.qname());
  blocklists::hash_suffixes(policy.filter->key(), context.name, context.hashes);
  context.identity = context.given_identity != nullptr
                         ? context.given_identity
                         : &clients_.find(context.client, policy.clients, context.arrival);
  context.groups = policy.blocking_configured ? context.identity->groups & policy.active_groups : 0;
  context.upstream_group = context.identity->upstream_group;
  hash_for_cache(context, policy);
  if (context.groups != 0) policy.filter->prefetch(context.hashes);
  if (policy.cache.enabled) cache_.prefetch(context.cache_hash);
}

void Pipeline::prepare(const QueryContext& context, const PolicySnapshot& policy) const noexcept {
  if (!context.query) return;
  // What is listed is hardly ever in the cache.
  if (context.groups != 0 && policy.filter->prefetch_listed(context.hashes)) return;
  if (policy.cache.enabled) cache_.prefetch_entry(context.cache_hash);
}

void Pipeline::hash_for_cache(QueryContext& context, const PolicySnapshot& policy) noexcept {
  const dns::QueryView& query = *context.query;
  context.cache_hash = make_cache_key(policy.filter->key(), context.name, context.hashes.full, query.qtype(),
                                      context.identity->cache_group, query.dnssec_ok(), query.checking_disabled())
                           .hash;
}

Disposition Pipeline::respond(QueryContext& context, Reason reason, Stage stage) noexcept {
  context.reason = reason;
  context.ended_at = stage;
  return Disposition::kRespond;
}

Disposition Pipeline::decide(QueryContext& context, const PolicySnapshot& policy, base::Instant now,
                             base::MutableBytes out, std::size_t& length) noexcept {
  if (!context.query) {
    length = dns::error_response(context.wire, context.wire_error, out);
    context.rcode = length >= dns::kHeaderBytes ? base::load_u16(out.data() + 2) & 0xf : 0;
    const bool is_bad_version = context.wire_error == dns::WireError::kBadVersion;
    if (is_bad_version) context.rcode = static_cast<std::uint16_t>(Rcode::kBadVers);
    respond(context, Reason::kMalformed, Stage::kParse);
    return length == 0 ? Disposition::kDrop : Disposition::kRespond;
  }
  const dns::QueryView& query = *context.query;
  const RrType qtype = query.qtype();

  if (policy.rate_limiter && !is_healthcheck(context) && !rate_gate_.admit(context, policy, now)) {
    length = 0;
    respond(context, Reason::kRateLimited, Stage::kRateLimit);
    return Disposition::kDrop;
  }
  if (query.qclass() != RrClass::kIn) {
    const bool is_chaos_text = query.qclass() == RrClass::kCh && qtype == RrType::kTxt;
    const bool asks_version = is_name(context.name, kVersionBind) || is_name(context.name, kVersionServer);
    const bool asks_identity = is_name(context.name, kIdServer) || is_name(context.name, kHostnameBind);
    const std::string& text = asks_version ? policy.version_text : policy.identity_text;
    if (is_chaos_text && (asks_version || asks_identity) && !text.empty()) {
      length = write_text(context, text, out);
      return respond(context, Reason::kServerIdentity, Stage::kParse);
    }
    length = write_empty(context, Rcode::kRefused, {}, out);
    return respond(context, Reason::kRefusedClass, Stage::kParse);
  }
  if (is_refused_type(qtype)) {
    length = write_empty(context, Rcode::kRefused, {}, out);
    return respond(context, Reason::kRefusedType, Stage::kParse);
  }
  if (is_healthcheck(context)) {
    length = write_empty(context, Rcode::kNoError, {}, out);
    return respond(context, Reason::kHealthcheck, Stage::kHealthcheck);
  }
  if (policy.filters_types && policy.filtered_types[static_cast<std::uint16_t>(qtype)]) {
    length = write_empty(context, Rcode::kNoError,
                         extended(policy, EdeCode::kFiltered, to_text(Reason::kFilteredType)), out);
    return respond(context, Reason::kFilteredType, Stage::kFilterType);
  }
  if (policy.fqdn_only && context.name.label_count < 2) {
    length = write_empty(context, Rcode::kNxDomain, extended(policy, EdeCode::kBlocked, to_text(Reason::kNotFqdn)), out);
    return respond(context, Reason::kNotFqdn, Stage::kFqdnOnly);
  }
  const Disposition disposition = decide_names(context, policy, now, out, length);
  if (policy.has_rewrite_fallback && disposition == Disposition::kRespond && may_be_followed(context.reason) &&
      falls_back(context, policy, base::load_u16(out.data() + 6) == 0))
    return ask_original(context, policy, now, out, length);
  return disposition;
}

// The stages that look at the name rather than at the form of the query.
Disposition Pipeline::decide_names(QueryContext& context, const PolicySnapshot& policy, base::Instant now,
                                   base::MutableBytes out, std::size_t& length) noexcept {
  if (policy.custom_dns) {
    length = custom_dns_answer(context, policy, out);
    if (length != 0) return Disposition::kRespond;
  }
  const Disposition disposition = decide_below_custom_dns(context, policy, now, out, length);
  if (context.detour == Detour::kCname && disposition == Disposition::kRespond)
    length = join_chain(context, policy, length, out);
  return disposition;
}

Disposition Pipeline::decide_below_custom_dns(QueryContext& context, const PolicySnapshot& policy, base::Instant now,
                                              base::MutableBytes out, std::size_t& length) noexcept {
  const RrType qtype = context.query->qtype();
  if (policy.hosts) {
    length = hosts_answer(context, policy, out);
    if (length != 0) return Disposition::kRespond;
  }
  if (context.groups != 0) {
    // Made in its place: a copy would wait for what match() has just written.
    std::construct_at(&context.verdict, policy.filter->match(context.name, context.hashes, context.groups, qtype));
    if (context.verdict.action == blocklists::Action::kAllow) {
      context.allowed = true;
    } else if (context.groups & policy.filter->allowlist_only_groups()) {
      context.verdict.match_count = 0;
      context.reason = Reason::kBlockedAllowlistOnly;
      length = block_answer(context, policy, out);
      return respond(context, Reason::kBlockedAllowlistOnly, Stage::kBlocking);
    } else if (context.verdict.action == blocklists::Action::kDeny) {
      context.reason = Reason::kBlocked;
      length = block_answer(context, policy, out);
      return respond(context, Reason::kBlocked, Stage::kBlocking);
    }
  }
  if (qtype == RrType::kAny) {
    length = write_minimal_any(context, out);
    return respond(context, Reason::kMinimalAny, Stage::kCache);
  }
  // What goes to upstreams of its own domain is not cached, so the cache need not be asked for it; what it holds from
  // before a reload does not count either.
  if (policy.conditional) route_conditionally(context, policy);
  if (policy.cache.enabled && !context.is_conditional) {
    length = respond_from_cache(context, policy, now, LookupMode::kFreshOnly, out);
    if (length != 0) return Disposition::kRespond;
  }
  if (context.is_conditional) {
    context.ended_at = Stage::kConditional;
    return Disposition::kForward;
  }
  if (policy.special_use) {
    dns::FoldedName room;
    const SpecialUse use =
        special_use_of(name_for_upstreams(context, policy, room), qtype, policy.special_use_appendix_g);
    if (use != SpecialUse::kNone) {
      length = write_special_use(context, use,
                                 extended(policy, EdeCode::kFiltered, to_text(Reason::kSpecialUse)), out);
      return respond(context, Reason::kSpecialUse, Stage::kSpecialUse);
    }
  }
  context.ended_at = Stage::kUpstream;
  return Disposition::kForward;
}

std::size_t Pipeline::block_answer(QueryContext& context, const PolicySnapshot& policy,
                                   base::MutableBytes out) noexcept {
  ReasonText text;
  if (policy.extended_errors) text.assign(context, policy);
  return write_block(context, block_answer_for(context, policy), policy.block_ttl,
                     extended(policy, EdeCode::kBlocked, text.view()), out);
}

std::size_t Pipeline::rebinding_answer(QueryContext& context, const PolicySnapshot& policy,
                                       base::MutableBytes out) noexcept {
  context.wants_prefetch = false;
  respond(context, Reason::kRebinding, Stage::kRebinding);
  return write_empty(context, Rcode::kNoError, extended(policy, EdeCode::kBlocked, to_text(Reason::kRebinding)), out);
}

std::size_t Pipeline::respond_from_cache(QueryContext& context, const PolicySnapshot& policy, base::Instant now,
                                         LookupMode mode, base::MutableBytes out) noexcept {
  CacheHit hit;
  const bool is_hit = cache_.lookup(cache_key(context), now, out, hit, mode);
  // The stored ID says under which policy the answer was found clean for every client.
  const bool is_clean = is_hit && base::load_u16(out.data()) == policy.inspection_stamp();
  // What was stored under this policy was not excluded by it.
  const bool may_be_excluded = is_hit && !is_clean && !policy.cache.exclude.empty();
  if (!is_hit || (may_be_excluded && is_excluded(policy.cache, context.name))) {
    if (mode == LookupMode::kFreshOnly) counters_.cache_misses.add();
    return 0;
  }
  counters_.cache_hits.add();
  context.rcode = static_cast<std::uint16_t>(hit.rcode);
  context.wants_prefetch = hit.wants_prefetch;
  if (hit.was_prefetched) counters_.prefetch_hits.add();
  const Reason reason = hit.is_stale                    ? Reason::kCachedStale
                        : hit.rcode == Rcode::kNoError ? Reason::kCached
                                                        : Reason::kCachedNegative;
  respond(context, reason, Stage::kCache);
  if (hit.length > out.size()) return write_truncated(context, hit.rcode, out);
  const blocklists::GroupMask groups = is_clean || context.allowed ? 0 : context.groups;
  if (groups != 0 || (!is_clean && policy.rebinding)) {
    if (const auto message = dns::MessageView::parse(out.first(hit.length)); message.ok()) {
      counters_.inspected.add();
      const Inspection found = inspect(*message, context.query->qtype(), *policy.filter, groups);
      if (found.blocked) {
        context.verdict = found.verdict;
        context.blocked_target = found.target;
        context.blocked_address = found.address;
        context.reason = found.reason;
        context.wants_prefetch = false;
        const std::size_t length = block_answer(context, policy, out);
        respond(context, found.reason, Stage::kBlocking);
        return length;
      }
      if (policy.rebinding && policy.rebinding->inspect(context.name.view(), *message))
        return rebinding_answer(context, policy, out);
    }
  }
  ExtendedError error;
  if (hit.is_stale) {
    counters_.stale_answers.add();
    // RFC 8767 leaves the clue to RFC 8914: always tell a client that speaks EDNS.
    error = {hit.rcode == Rcode::kNxDomain ? EdeCode::kStaleNxDomain : EdeCode::kStaleAnswer, {}};
  } else {  // also of answers that are none: Blocky says so of all that is cached
    error = extended(policy, EdeCode::kCachedError, to_text(reason));
  }
  return render_message(context, policy, hit.length, hit.rcode, error, out);
}

void Pipeline::note(const QueryContext& context, const PolicySnapshot& policy, const QueryTiming& timing,
                    base::ByteView response) noexcept {
  counters_.responses[static_cast<std::size_t>(context.reason)][rcode_slot(context.rcode)].add();
  counters_.ended_at[static_cast<std::size_t>(context.ended_at)].add();
  if (!context.query || context.reason == Reason::kHealthcheck) return;
  counters_.queries_by_type[qtype_slot(static_cast<std::uint16_t>(context.query->qtype()))].add();
  counters_.durations[static_cast<std::size_t>(response_type(context.reason))].record(timing.duration_us);
  for (std::size_t i = 0; i < context.verdict.match_count; ++i)
    counters_.list_hits[policy.list_slots.of(context.verdict.matches[i].source)].add();
  if (events_ == nullptr) return;
  if (!write_event(*events_, context, policy, timing, response)) counters_.log_dropped.add();
}

}  // namespace rampart::resolver
